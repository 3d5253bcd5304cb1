import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ports } from './addresses';
import { binary, shared, sharedYaml } from '../../support/binaries';
import type { Authority } from '../../../support/certificates';
import type { ControlPlane } from './control-plane';
import { serve } from './endpoints';
import { answersOk } from './https-probe';

const namespace = 'keda';
const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/keda-admission';
const apiService = '/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io';

/** The definitions of KEDA's objects alone. */
export const defineKeda = ({ kubectl }: ControlPlane): Promise<void> =>
  kubectl.applyServerSide(sharedYaml('keda-crds'));

/** KEDA as its own release installs it, its three programs beside the cluster; resolves when metrics and admission are served. */
export async function startKeda(plane: ControlPlane): Promise<void> {
  const { api, kubectl } = plane;
  await api.create('/api/v1/namespaces', { metadata: { name: namespace } });
  await defineKeda(plane);
  const config = (path: string): string => shared('keda-config', path);
  await kubectl.apply([
    config('metrics-server/service.yaml'),
    config('metrics-server/api_service.yaml'),
    config('webhooks/service.yaml'),
    config('webhooks/validation_webhooks.yaml'),
  ]);
  await api.patch(apiService, { spec: { caBundle: plane.authority.bundle } });
  await serve(api, namespace, 'keda-metrics-apiserver', [{ name: 'https', port: ports.kedaAdapter }]);
  await serve(api, namespace, 'keda-admission-webhooks', [{ name: 'https', port: ports.kedaWebhooks }]);
  await startPrograms(plane);
  await trustWebhooks(plane);
}

async function startPrograms(plane: ControlPlane): Promise<void> {
  const { daemons, kubeconfig, authority } = plane;
  const certificates = certificateFolder(daemons.logFolder, authority);
  const env = { KEDA_CLUSTER_OBJECT_NAMESPACE: namespace, POD_NAMESPACE: namespace, WATCH_NAMESPACE: '' };
  const kubeconfigs = ['kubeconfig', 'lister-kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'];
  await daemons.start({
    name: 'keda-operator',
    command: binary('keda-operator'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--cert-dir=${certificates}`,
      '--metrics-bind-address=127.0.0.1:18080',
      '--health-probe-bind-address=127.0.0.1:18081',
      `--metrics-service-bind-address=:${ports.kedaOperatorMetrics}`,
      '--zap-time-encoding=rfc3339nano',
    ],
    env,
    ready: async () => (await fetch('http://127.0.0.1:18081/readyz')).ok,
  });
  await Promise.all([
    daemons.start({
      name: 'keda-adapter',
      command: binary('keda-adapter'),
      args: [
        ...kubeconfigs.map((name) => `--${name}=${kubeconfig}`),
        `--cert-dir=${certificates}`,
        `--tls-cert-file=${join(certificates, 'tls.crt')}`,
        `--tls-private-key-file=${join(certificates, 'tls.key')}`,
        `--secure-port=${ports.kedaAdapter}`,
        '--port=18082',
        `--metrics-service-address=localhost:${ports.kedaOperatorMetrics}`,
      ],
      env,
      ready: async () => isAvailable(await plane.api.get<ApiService>(apiService)),
    }),
    daemons.start({
      name: 'keda-webhooks',
      command: binary('keda-webhooks'),
      args: [
        `--kubeconfig=${kubeconfig}`,
        `--cert-dir=${certificates}`,
        `--port=${ports.kedaWebhooks}`,
        '--metrics-bind-address=127.0.0.1:18083',
        '--health-probe-bind-address=127.0.0.1:18084',
      ],
      env,
      ready: () => listens(authority),
    }),
  ]);
}

interface ApiService {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const isAvailable = ({ status }: ApiService): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') ?? false;

/** Its health page is ready before its certificate is read. */
const listens = async (authority: Authority): Promise<boolean> =>
  (await fetch('http://127.0.0.1:18084/readyz')).ok &&
  answersOk(`https://localhost:${ports.kedaWebhooks}/`, authority, 404);

/** The folder that KEDA's programs share, with one certificate for all of them. */
function certificateFolder(folder: string, authority: Authority): string {
  const names = ['localhost', 'keda-metrics-apiserver.keda.svc', 'keda-admission-webhooks.keda.svc'];
  const { certFile, keyFile } = authority.issue(
    'keda',
    names.map((name) => `DNS:${name}`),
  );
  const shared = join(folder, 'keda-certificates');
  mkdirSync(shared);
  copyFileSync(authority.certFile, join(shared, 'ca.crt'));
  copyFileSync(certFile, join(shared, 'tls.crt'));
  copyFileSync(keyFile, join(shared, 'tls.key'));
  return shared;
}

/** From here on a ScaledObject that KEDA's webhook refuses is refused, and so is every one while the webhook is away. */
async function trustWebhooks({ api, authority }: ControlPlane): Promise<void> {
  const { webhooks: all } = await api.get<{ webhooks: unknown[] }>(webhooks);
  const changes = all.flatMap((_, index) => [
    { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: authority.bundle },
    { op: 'replace', path: `/webhooks/${index}/failurePolicy`, value: 'Fail' },
  ]);
  await api.patch(webhooks, changes, 'json-patch');
}
