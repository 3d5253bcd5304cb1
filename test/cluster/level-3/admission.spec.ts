import { until } from '../../support/until';
import { describeInNamespace } from '../support/namespace';
import type { KubernetesObject } from './support/api-client';
import { sharedYaml } from '../support/binaries';
import { renderCharts } from './support/charts';
import { ControlPlane } from './support/control-plane';
import { clusterCommands, runDocumented } from './support/documented-commands';
import { spoiledServices, type KnativeService } from './support/spoiled-services';
import { defineKeda } from './support/keda';
import { imageRegistry, startKnative } from './support/knative';
import { startKwok } from './support/kwok';
import { outputFolder } from './support/output';
import { provideVolumes } from './support/volumes';

const seconds = 1_000;

interface Revision extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  };
}

const services = ['gateway', 'inference', 'license'];
const serviceCollection = (namespace: string): string =>
  `/apis/serving.knative.dev/v1/namespaces/${namespace}/services`;

interface Overlay {
  readonly global?: object;
  readonly [value: string]: object | undefined;
}

/** Values files, and what users set on top of them; models from a volume or fetched, and nodes, need feature flags of Knative. */
const installations: readonly [name: string, values: readonly string[], more: Overlay][] = [
  ['no values file', [], {}],
  ['dev', ['dev'], {}],
  ['production', ['production'], {}],
  ['production and airgapped', ['production', 'airgapped'], {}],
  [
    'a domain behind an ingress',
    ['production'],
    {
      ingress: {
        domain: 'speech.example.com',
        external: { enabled: true, className: 'alb', namespace: 'default' },
      },
    },
  ],
  ['models on a volume', ['production'], { global: { models: { source: 'claim', claim: { name: 'models' } } } }],
  [
    'models fetched and inference on a GPU',
    ['dev'],
    {
      global: { models: { source: 'fetch', fetch: { image: 'registry.example.com/speech/models' } } },
      inference: {
        gpu: { enabled: true },
        nodeSelector: { 'nvidia.com/gpu.present': 'true' },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
      },
    },
  ],
];

describeInNamespace("Knative's own admission and controllers", () => {
  let plane: ControlPlane;
  let folder: string;

  beforeAll(async () => {
    folder = outputFolder('admission');
    plane = await ControlPlane.start(folder);
    // Without KEDA every worker Deployment of every installation stays at its first pod, on a GPU of its own.
    const gpus = Array.from({ length: 2 * installations.length + 3 }, (_, index) => ({
      name: `gpu-${index}`,
      gpu: true,
    }));
    await startKwok(plane, [...['cpu-1', 'cpu-2', 'cpu-3'].map((name) => ({ name, gpu: false })), ...gpus]);
    await defineKeda(plane);
    await plane.kubectl.applyServerSide(sharedYaml('prometheus-operator-crds'));
    await startKnative(plane);
  }, 600 * seconds);

  afterAll(() => plane?.stop(), 30 * seconds);

  /** Applies the charts with values files, and more values on top, to a namespace of its own. */
  async function install(namespace: string, values: readonly string[], more: Overlay = {}): Promise<string> {
    await plane.api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    await plane.api.create(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
      metadata: { name: 'models' },
      spec: { accessModes: ['ReadOnlyMany'], resources: { requests: { storage: '1Gi' } } },
    });
    const global = { ...more.global, images: { registry: imageRegistry } };
    const manifest = await renderCharts({ namespace, values, overlay: { ...more, global } }, folder);
    return plane.kubectl.apply([manifest]);
  }

  it(
    'refuse our Services as long as the cluster is not configured for them',
    async () => {
      await expect(install('unconfigured', ['production'])).rejects.toThrow(/timeoutSeconds|max-revision-timeout/);
    },
    110 * seconds,
  );

  it.each(clusterCommands())('take the change of $file by its documented command', async ({ command }) => {
    expect(await runDocumented(command, plane.kubeconfig)).toMatch(/ patched\n$/);
  });

  describe.each(installations)('with %s', (name, values, more) => {
    const namespace = `with-${name.replaceAll(' ', '-').toLowerCase()}`;

    it(
      'take every object that the charts render, with no field unknown',
      async () => {
        await provideVolumes(plane.api, namespace, 4);
        const applied = await install(namespace, values, more);
        for (const service of services) expect(applied).toContain(`service.serving.knative.dev/${service} created`);
        expect(applied).toContain('networkpolicy.networking.k8s.io/antiphon-default-deny created');
        expect(applied).toContain('statefulset.apps/nats created');
      },
      110 * seconds,
    );

    it.each(services)(
      'bring %s to a ready revision',
      async (service) => {
        await untilReady(plane, namespace, service);
      },
      110 * seconds,
    );
  });

  describe('of a Service that was spoiled', () => {
    it.each(spoiledServices)('refuse one with %s', async (_, reason, spoil) => {
      const service = await asWritten(plane, 'with-production', 'gateway');
      await expect(dryRun(plane, service)).resolves.toBeDefined();
      spoil(service);
      await expect(dryRun(plane, service)).rejects.toThrow(reason);
    });
  });

  it('refuse a field that Kubernetes does not know', async () => {
    const spec = { podSelector: {}, policyTypes: ['Ingress'], ingres: [] };
    const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'spoiled' }, spec };
    await expect(plane.kubectl.apply(['-'], { input: JSON.stringify(policy) })).rejects.toThrow(
      /unknown field "spec.ingres"/,
    );
  });
});

/** The Service as the chart has it, ready to be created under another name. */
async function asWritten(plane: ControlPlane, namespace: string, name: string): Promise<KnativeService> {
  const { api } = plane;
  const { apiVersion, kind, metadata } = await api.get<KnativeService>(`${serviceCollection(namespace)}/${name}`);
  const applied = metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '{}';
  const { spec } = JSON.parse(applied) as KnativeService;
  return { apiVersion, kind, metadata: { name: 'spoiled', namespace }, spec };
}

const dryRun = ({ api }: ControlPlane, service: KnativeService): Promise<unknown> =>
  api.create(`${serviceCollection(service.metadata.namespace ?? '')}?dryRun=All`, service);

/** Resolves once the newest revision is ready; rejects at the bound with what keeps it from being so. */
async function untilReady({ api }: ControlPlane, namespace: string, service: string): Promise<void> {
  const query = new URLSearchParams({ labelSelector: `serving.knative.dev/service=${service}` });
  const path = `/apis/serving.knative.dev/v1/namespaces/${namespace}/revisions?${query.toString()}`;
  const isReady = async (): Promise<boolean> => {
    const [revision] = await api.list<Revision>(path);
    expect(revision?.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    return true;
  };
  await until(isReady, { withinMs: 100 * seconds, everyMs: 100 });
}
