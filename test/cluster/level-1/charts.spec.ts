import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { askKnative, binaries, faultsOf } from './checkers';
import {
  deployments,
  isKnative,
  namespace,
  ofKind,
  render,
  systemChart,
  valueArguments,
  workersChart,
  type Choice,
  type Container,
  type PodSpec,
} from './rendered';

/** Ways to install that the values allow besides the files, so that every branch of the templates is judged. */
const variants: readonly (readonly [string, Choice])[] = [
  ['load beside the lag', { files: ['production'], set: ['workers.autoscaling.load.enabled=true'] }],
  ['every job by request', { set: lanesBy('request') }],
  ['models of a claim', { set: ['global.models.source=claim', 'global.models.claim.name=models'] }],
  ['models fetched at the start', { set: ['global.models.source=fetch', 'global.models.fetch.image=fetch:1'] }],
  [
    'inference on chosen nodes',
    {
      set: [
        'inference.gpu.enabled=true',
        'inference.runtimeClassName=nvidia',
        'inference.nodeSelector.pool=gpu',
        'inference.tolerations[0].key=nvidia.com/gpu',
        'inference.tolerations[0].operator=Exists',
        'inference.tolerations[0].effect=NoSchedule',
      ],
    },
  ],
  [
    'a public name with a certificate and a load balancer',
    {
      set: [
        'ingress.domain=speech.example.com',
        'ingress.claim=true',
        'ingress.tls.secretName=speech-tls',
        'ingress.tls.issuer.name=letters',
        'ingress.external.enabled=true',
        'ingress.external.className=alb',
      ],
    },
  ],
  [
    'an existing NATS',
    {
      set: [
        'global.nats.url=nats://bus.nats.svc.cluster.local:4222',
        'global.nats.monitoringEndpoint=bus-headless.nats.svc.cluster.local:8222',
        'global.nats.peers[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=nats',
      ],
    },
  ],
  ['the workers alone', { chart: workersChart }],
];

function lanesBy(dispatch: string): string[] {
  const lanes = ofKind(render(), 'ScaledObject').map(({ metadata }) => metadata.name.replace('worker-', ''));
  return lanes.map((lane) => `global.lanes.${lane}.dispatch=${dispatch}`);
}

function lint(chart: string, choice: Choice) {
  const args = ['lint', chart, '--strict', '--namespace', namespace, ...valueArguments(choice)];
  const { status, stdout } = spawnSync(join(binaries(), 'helm'), args, { encoding: 'utf8' });
  return { status, stdout };
}

describe.each([...deployments, ...variants])('the charts with %s', (_, choice) => {
  it('pass helm lint', () => {
    expect(lint(choice.chart ?? systemChart, choice)).toMatchObject({ status: 0 });
  });

  it('render nothing that the API server, Knative or KEDA would refuse, and nothing from which they would make that', () => {
    const manifests = render(choice);
    expect(manifests.length).toBeGreaterThan(0);
    expect(faultsOf(manifests)).toEqual([]);
  });
});

describe('the Deployment that Knative makes', () => {
  const made = askKnative(render({ files: ['production'] }));
  const podOf = (name: string): PodSpec => {
    const deployment = made.find((verdict) => verdict.name === name)?.deployment;
    return (deployment?.spec as { template: { spec: PodSpec } }).template.spec;
  };
  const containerOf = (name: string, container: string): Container =>
    podOf(name).containers.find((each) => each.name === container) as Container;

  it.each(['gateway', 'license', 'inference'])('of %s raises no warning', (name) => {
    expect(made.find((verdict) => verdict.name === name)).toMatchObject({ faults: [], warnings: [] });
  });

  it.each([
    ['gateway', 5000],
    ['license', 8080],
    ['inference', 8000],
  ])('of %s has our container on its port beside the proxy, which asks it whether it is ready', (name, port) => {
    const ours = containerOf(name, name);
    expect(ours.ports).toEqual([{ name: 'user-port', containerPort: port }]);
    expect(ours.env).toContainEqual({ name: 'PORT', value: String(port) });
    expect(ours.startupProbe?.httpGet).toEqual({ path: expect.any(String) as string, port });
    const environment = containerOf(name, 'queue-proxy').env ?? [];
    const value = (variable: string) => environment.find((each) => each.name === variable)?.value;
    expect(value('USER_PORT')).toBe(String(port));
    expect(JSON.parse(value('SERVING_READINESS_PROBE') ?? '')).toMatchObject({ httpGet: { path: '/readyz', port } });
  });

  it('lets a pod end what it has begun: its grace period is the longest time of a request', () => {
    for (const name of ['gateway', 'inference']) {
      const environment = containerOf(name, 'queue-proxy').env ?? [];
      const longest = environment.find((each) => each.name === 'REVISION_TIMEOUT_SECONDS')?.value;
      expect(podOf(name).terminationGracePeriodSeconds).toBe(Number(longest));
    }
  });

  it('cannot be made of a cluster that was not patched: its limit of time is below ours', () => {
    const services = render().filter(isKnative);
    const refused = askKnative(services, false).filter(({ faults }) => faults.length > 0);
    expect(refused.map(({ name }) => name).sort()).toEqual(['gateway', 'inference']);
    for (const { faults } of refused) expect(faults[0]?.message).toContain('timeoutSeconds');
  });
});
