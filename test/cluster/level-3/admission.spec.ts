import { setTimeout as delay } from 'node:timers/promises';
import { describeInNamespace } from '../support/namespace';
import type { KubernetesObject } from './support/api-client';
import { sharedYaml } from './support/binaries';
import { renderCharts } from './support/charts';
import { ControlPlane } from './support/control-plane';
import { clusterCommands, runDocumented } from './support/documented-commands';
import { spoiledServices, type KnativeService } from './support/spoiled-services';
import { defineKeda } from './support/keda';
import { imageRegistry, startKnative } from './support/knative';
import { startKwok } from './support/kwok';
import { provideVolumes } from './support/nats';
import { outputFolder } from './support/output';

const seconds = 1_000;

interface Revision extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  };
}

const services = ['gateway', 'inference', 'license'];
const serviceCollection = (namespace: string): string =>
  `/apis/serving.knative.dev/v1/namespaces/${namespace}/services`;

describeInNamespace("Knative's own admission and controllers", () => {
  let plane: ControlPlane;
  let folder: string;

  beforeAll(async () => {
    folder = outputFolder('admission');
    plane = await ControlPlane.start(folder);
    const cpuNodes = ['cpu-1', 'cpu-2', 'cpu-3'].map((name) => ({ name, gpu: false }));
    await startKwok(plane, cpuNodes);
    await defineKeda(plane);
    await plane.kubectl.applyServerSide(sharedYaml('prometheus-operator-crds'));
    await startKnative(plane);
  }, 600 * seconds);

  afterAll(() => plane?.stop(), 30 * seconds);

  /** Applies the charts with a values file to a namespace of its own. */
  async function install(namespace: string, values: readonly string[]): Promise<string> {
    await plane.api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    const overlay = { global: { images: { registry: imageRegistry } } };
    const manifest = await renderCharts({ namespace, values, overlay }, folder);
    return plane.kubectl.apply([manifest]);
  }

  it(
    'refuse our Services as long as the cluster is not configured for them',
    async () => {
      await expect(install('unconfigured', ['production'])).rejects.toThrow(/timeoutSeconds|max-revision-timeout/);
    },
    300 * seconds,
  );

  it.each(clusterCommands())('take the change of $file by its documented command', async ({ command }) => {
    expect(await runDocumented(command, plane.kubeconfig)).toMatch(/ patched\n$/);
  });

  describe.each([
    ['no values file', []],
    ['dev', ['dev']],
    ['production', ['production']],
    ['production and airgapped', ['production', 'airgapped']],
  ])('with %s', (name, values) => {
    const namespace = `with-${name.replaceAll(' ', '-')}`;

    it(
      'take every object that the charts render, with no field unknown',
      async () => {
        await provideVolumes(plane.api, namespace);
        const applied = await install(namespace, values);
        for (const service of services) expect(applied).toContain(`service.serving.knative.dev/${service} created`);
        expect(applied).toContain('networkpolicy.networking.k8s.io/antiphon-default-deny created');
        expect(applied).toContain('statefulset.apps/nats created');
      },
      300 * seconds,
    );

    it.each(services)(
      'bring %s to a ready revision',
      async (service) => {
        expect(await untilReady(plane, namespace, service)).toEqual([]);
      },
      300 * seconds,
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

/** Resolves to no condition once the newest revision is ready, or at the bound to what keeps it from being so. */
async function untilReady({ api }: ControlPlane, namespace: string, service: string): Promise<unknown[]> {
  const query = new URLSearchParams({ labelSelector: `serving.knative.dev/service=${service}` });
  const path = `/apis/serving.knative.dev/v1/namespaces/${namespace}/revisions?${query.toString()}`;
  const untilMs = Date.now() + 240 * seconds;
  for (;;) {
    const [revision] = await api.list<Revision>(path);
    const conditions = revision?.status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return [];
    if (Date.now() > untilMs) return [revision?.metadata.name ?? 'no revision', ...conditions];
    await delay(100);
  }
}
