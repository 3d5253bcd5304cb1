import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeConfig, loadConfig, type ConfigClass } from '@app/platform';
import { GatewayConfig } from '../../../apps/gateway/src/gateway.config';
import { InferenceConfig } from '../../../apps/inference/src/inference.config';
import { LicenseConfig } from '../../../apps/license/src/license.config';
import {
  containerOf,
  deployments,
  environmentOf,
  named,
  packaged,
  readYaml,
  refusal,
  render,
  systemChart,
  workersChart,
  workload,
  workloads,
} from './rendered';

interface ChartValues {
  readonly global: unknown;
}

const configOf = (name: string): ConfigClass<object> => {
  if (name === 'gateway') return GatewayConfig;
  return name === 'license' ? LicenseConfig : InferenceConfig;
};

const variablesOf = (type: ConfigClass<object>): string[] =>
  describeConfig(type)
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0] ?? '');

describe.each(deployments)('the environment with %s', (_, choice) => {
  const apps = workloads(render(choice)).filter(({ name }) => name !== 'nats');

  it.each(apps.map((app) => [app.name, app] as const))(
    'of %s has no variable that its configuration does not know',
    (name, app) => {
      const known = variablesOf(configOf(name));
      expect(Object.keys(environmentOf(app)).filter((variable) => !known.includes(variable))).toEqual([]);
    },
  );

  it.each(apps.map((app) => [app.name, app] as const))('of %s is taken by its configuration', (name, app) => {
    const port = String(containerOf(app).ports?.[0]?.containerPort);
    const environment = { ...environmentOf(app), ...(app.kind === 'Service' ? { PORT: port } : {}) };
    expect(() => loadConfig(configOf(name), environment)).not.toThrow();
  });
});

describe('the schemas of the values', () => {
  it.each([
    'networkPolicy.denyExternalEgres=true',
    'global.images.registy=x',
    'global.lanes.tts-piper.dispach=request',
    'global.lanes.tts-piper.dispatch=push',
    'global.lanes.tts-piper.seats=0',
    'global.nats.streamReplicas=2',
    'global.nats.url=nats.example.com:4222',
    'global.models.source=bucket',
    'gateway.minscale=1',
    'gateway.drainSeconds=90',
    'gateway.env.PORT=5001',
    'gateway.env.log_level=debug',
    'license.timeoutSeconds=30',
    'inference.drainSeconds=7200',
    'nats.replicas=2',
    'nats.jetstream.memory=lots',
    'ingress.external.classname=alb',
    'networkPolicy.objectStore.cidrs={storage.example.com}',
    'workers.autoscaling.coldownSeconds=3',
    'workers.autoscaling.scaleUp.policies[0].type=Bogus',
    'workers.autoscaling.load.target=80',
    'workers.gpus.enabled=false',
    'networkPolicy.extraEgress[0].too[0].podSelector.matchLabels.a=b',
  ])('refuse %s', (assignment) => {
    expect(refusal({ set: [assignment] })).toContain("values don't meet the specifications of the schema");
  });

  it('say the same of what both charts read', () => {
    const [system, workers] = [systemChart, workersChart].map((chart) => {
      const text = readFileSync(join(chart, 'values.schema.json'), 'utf8');
      return JSON.parse(text) as { properties: { global: unknown }; definitions: Record<string, unknown> };
    });
    expect(workers?.properties.global).toEqual(system?.properties.global);
    const { definitions = {} } = workers ?? {};
    for (const [name, definition] of Object.entries(system?.definitions ?? {})) {
      if (name in definitions) expect(definitions[name]).toEqual(definition);
    }
  });

  it('go with the same defaults of what both charts read', () => {
    const [system, workers] = ['knative', 'keda'].map((chart) => readYaml(chart, 'values.yaml') as ChartValues);
    expect(workers?.global).toEqual(system?.global);
  });
});

describe('the chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'charts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('packs the chart of the workers with it, through the link', () => {
    const files = packaged(systemChart, folder);
    expect(files).toContain('antiphon/charts/antiphon-workers/templates/scaledobject.yaml');
    expect(files).toContain('antiphon/charts/antiphon-workers/values.schema.json');
    expect(files.filter((file) => /rules\/tests\/|cluster\/|jetstream/.test(file))).toEqual([]);
  });

  it('makes of a licence that is given a Secret, and of no file of it an environment', () => {
    const set = [
      'license.existingSecret=',
      'license.files.license=L',
      'license.files.publicKeys=P',
      'license.files.apiKeys=K',
    ];
    const manifests = render({ set });
    const data = named(manifests, 'Secret', 'antiphon-license-files').data ?? {};
    expect(Object.entries(data).map(([name, text]) => [name, Buffer.from(text, 'base64').toString()])).toEqual([
      ['license.jwt', 'L'],
      ['issuer-public.pem', 'P'],
      ['api-keys.json', 'K'],
    ]);
    const { LICENSE_FILE, API_KEYS_FILE } = environmentOf(workload(manifests, 'license'));
    expect([LICENSE_FILE, API_KEYS_FILE]).toEqual([
      '/etc/antiphon/license/license.jwt',
      '/etc/antiphon/license/api-keys.json',
    ]);
  });

  it('takes images by digest, with a registry and pull secrets', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const manifests = render({
      set: [
        'global.images.registry=registry.example.com/speech/',
        'global.images.tag=1.2.3',
        `global.images.gateway.digest=${digest}`,
        'global.images.pullSecrets={one,two}',
      ],
    });
    expect(containerOf(workload(manifests, 'gateway')).image).toBe(
      `registry.example.com/speech/antiphon-gateway@${digest}`,
    );
    expect(containerOf(workload(manifests, 'inference')).image).toBe(
      'registry.example.com/speech/antiphon-inference:1.2.3-models',
    );
    expect(containerOf(workload(manifests, 'worker-tts-piper')).image).toBe(
      'registry.example.com/speech/antiphon-inference:1.2.3-cuda-models',
    );
    for (const { template } of workloads(manifests))
      expect(template.spec.imagePullSecrets).toEqual([{ name: 'one' }, { name: 'two' }]);
  });

  it('takes models from a claim or from an init container, read-only for the app', () => {
    const claim = render({ set: ['global.models.source=claim', 'global.models.claim.name=voices'] });
    const fetch = render({ set: ['global.models.source=fetch', 'global.models.fetch.image=fetcher:1'] });
    for (const name of ['inference', 'worker-tts-piper']) {
      for (const manifests of [claim, fetch]) {
        const mounts = containerOf(workload(manifests, name)).volumeMounts;
        expect(mounts).toContainEqual({ name: 'models', mountPath: '/models', readOnly: true });
      }
      expect(workload(claim, name).template.spec.volumes).toContainEqual({
        name: 'models',
        persistentVolumeClaim: { claimName: 'voices', readOnly: true },
      });
      expect(workload(fetch, name).template.spec.initContainers?.[0]?.image).toBe('fetcher:1');
    }
  });

  it('gives the usage records of a gateway a bounded folder of the pod, or the claim that is named', () => {
    const usageOf = (set: readonly string[]): unknown => {
      const gateway = workload(render({ set }), 'gateway');
      const { USAGE_FOLDER } = environmentOf(gateway);
      const mount = containerOf(gateway).volumeMounts?.find(({ mountPath }) => mountPath === USAGE_FOLDER);
      expect(mount?.readOnly ?? false).toBe(false);
      const { name: _, ...volume } = gateway.template.spec.volumes?.find(({ name }) => name === mount?.name) ?? {};
      return volume;
    };
    expect(usageOf([])).toEqual({ emptyDir: { sizeLimit: '256Mi' } });
    expect(usageOf(['gateway.usage.sizeLimit=1Gi'])).toEqual({ emptyDir: { sizeLimit: '1Gi' } });
    const claim = { persistentVolumeClaim: { claimName: 'antiphon-usage' } };
    expect(usageOf(['gateway.usage.claim.name=antiphon-usage'])).toEqual(claim);
  });

  it('has room in /tmp for the graphs of models that come from a claim or an init container, which may be unprepared', () => {
    const tmpOf = (set: readonly string[], name: string): unknown =>
      workload(render({ set }), name).template.spec.volumes?.find((volume) => volume.name === 'tmp')?.emptyDir;
    for (const [name, value] of [
      ['inference', 'inference.tmpSizeLimit'],
      ['worker-tts-piper', 'workers.tmpSizeLimit'],
    ] as const) {
      const claim = ['global.models.source=claim', 'global.models.claim.name=voices'];
      const fetch = ['global.models.source=fetch', 'global.models.fetch.image=fetcher:1'];
      expect(tmpOf([], name)).toEqual({ sizeLimit: '256Mi' });
      expect(tmpOf(claim, name)).toEqual({ sizeLimit: '2Gi' });
      expect(tmpOf(fetch, name)).toEqual({ sizeLimit: '2Gi' });
      expect(tmpOf([...fetch, `${value}=5Gi`], name)).toEqual({ sizeLimit: '5Gi' });
    }
  });

  it('gives the gateway a public name with its certificate, or a load balancer in front', () => {
    const set = [
      'ingress.domain=speech.example.com',
      'ingress.tls.secretName=speech-tls',
      'ingress.tls.issuer.name=letters',
    ];
    const external = [
      'ingress.external.enabled=true',
      'ingress.external.className=gce',
      'ingress.external.managedCertificate=true',
    ];
    const manifests = render({ set: [...set, ...external] });
    expect(named(manifests, 'DomainMapping', 'speech.example.com').spec).toEqual({
      ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'gateway' },
      tls: { secretName: 'speech-tls' },
    });
    expect(named(manifests, 'ClusterDomainClaim', 'speech.example.com').spec).toEqual({ namespace: 'speech' });
    expect(named(manifests, 'Certificate', 'antiphon-gateway').spec).toMatchObject({ secretName: 'speech-tls' });
    expect(named(manifests, 'ManagedCertificate', 'antiphon-gateway').spec).toEqual({
      domains: ['speech.example.com'],
    });
    expect(named(manifests, 'Ingress', 'antiphon-gateway')).toMatchObject({
      metadata: {
        namespace: 'kourier-system',
        annotations: { 'networking.gke.io/managed-certificates': 'antiphon-gateway' },
      },
      spec: { ingressClassName: 'gce', rules: [{ host: 'speech.example.com' }] },
    });
  });
});
