import { until } from '../../../support/until';
import { addresses, ports } from './addresses';
import type { ApiClient } from './api-client';
import { binary, shared, sharedYaml } from '../../support/binaries';
import type { ControlPlane } from './control-plane';
import type { DaemonSpec } from '../../support/daemon';
import { serve } from './endpoints';

const namespace = 'knative-serving';
/** In whose registry tags are not looked up: nothing here leads out. */
const registry = 'registry.example.com';
const admission = '/apis/admissionregistration.k8s.io/v1';
const admissionConfigurations = [
  'mutatingwebhookconfigurations/webhook.serving.knative.dev',
  'validatingwebhookconfigurations/validation.webhook.serving.knative.dev',
  'validatingwebhookconfigurations/config.webhook.serving.knative.dev',
];

/** Where the images of a chart must come from so that Knative takes them as they are. */
export const imageRegistry = `${registry}/speech`;

/** The definitions of Knative's objects alone. */
export async function defineKnative({ kubectl }: ControlPlane): Promise<void> {
  const networking = ['certificate', 'domain-claim', 'ingress', 'serverlessservice'];
  await kubectl.applyServerSide([
    ...sharedYaml('knative-serving', '300-resources'),
    ...networking.map((name) => shared('knative-networking', `${name}.yaml`)),
    shared('knative-caching', 'image.yaml'),
  ]);
}

/**
 * Knative Serving with its own configuration, its controller, autoscaler and webhook beside the cluster; resolves when its
 * webhook judges. Its Deployments are there to be configured; without their service accounts they have no pods.
 */
export async function startKnative(plane: ControlPlane): Promise<void> {
  const { api, kubectl, daemons } = plane;
  await kubectl.apply([shared('knative-serving', '100-namespace.yaml')]);
  await defineKnative(plane);
  const deployments = ['activator', 'autoscaler', 'controller', 'webhook'];
  await kubectl.apply([
    ...sharedYaml('knative-serving', 'configmaps'),
    shared('knative-networking', 'config-network.yaml'),
    ...deployments.map((name) => shared('knative-serving', 'deployments', `${name}.yaml`)),
    ...sharedYaml('knative-serving', 'webhooks'),
  ]);
  await api.patch(`/api/v1/namespaces/${namespace}/configmaps/config-deployment`, {
    data: { 'queue-sidecar-image': `${registry}/queue`, 'registries-skipping-tag-resolving': `${registry},dev.local` },
  });
  await serve(api, namespace, 'webhook', [{ name: 'https-webhook', port: ports.knativeWebhook }]);
  await serve(api, namespace, 'activator-service', [
    { name: 'http', port: 8012 },
    { name: 'http2', port: 8013 },
  ]);
  await Promise.all(programs(plane).map((program) => daemons.start(program)));
  await untilJudged(api);
}

function programs({ kubeconfig }: ControlPlane): DaemonSpec[] {
  const program = (name: string, profilingPort: number, env: Record<string, string> = {}): DaemonSpec => ({
    name: `knative-${name}`,
    command: binary(`knative-${name}`),
    args: ['-kubeconfig', kubeconfig],
    env: {
      SYSTEM_NAMESPACE: namespace,
      CONFIG_LOGGING_NAME: 'config-logging',
      CONFIG_OBSERVABILITY_NAME: 'config-observability',
      CONFIG_LEADERELECTION_NAME: 'config-leader-election',
      POD_NAME: `${name}-0`,
      POD_IP: addresses.apiServer,
      PROFILING_PORT: String(profilingPort),
      METRICS_PROMETHEUS_PORT: String(profilingPort + 1),
      ...env,
    },
    ready: () => Promise.resolve(true),
  });
  return [
    program('webhook', 18_200, { WEBHOOK_NAME: 'webhook', WEBHOOK_PORT: String(ports.knativeWebhook) }),
    program('controller', 18_210),
    program('autoscaler', 18_220),
  ];
}

/** Resolves when the webhook has given the API server its certificate and refuses what is no Service. */
async function untilJudged(api: ApiClient): Promise<void> {
  const isTrusted = async (path: string): Promise<boolean> => {
    const { webhooks } = await api.get<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(`${admission}/${path}`);
    return webhooks.every(({ clientConfig }) => clientConfig.caBundle);
  };
  const judges = async (): Promise<boolean> => {
    const bad = { metadata: { name: 'no-container' }, spec: { template: { spec: { containers: [] } } } };
    const service = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', ...bad };
    const path = '/apis/serving.knative.dev/v1/namespaces/default/services?dryRun=All';
    return api.create(path, service).then(
      () => false,
      (error: unknown) => /admission webhook .* denied/.test(String(error)),
    );
  };
  await until(async () => (await Promise.all(admissionConfigurations.map(isTrusted))).every(Boolean) && judges());
}
