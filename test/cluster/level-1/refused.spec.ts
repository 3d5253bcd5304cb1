import { askKnative, faultsOfEach, type Fault } from './checkers';
import { isKnative, render, type Manifest } from './rendered';

/** A change of one field, by its path; undefined takes the field away. */
type Change = readonly [path: string, value: unknown];
/** Who refuses, and why: part of what it says. */
type Refusal = readonly [by: Fault['by'], reason: string | RegExp];
type Row = readonly [what: string, change: Change, refusal: Refusal];

const production = render({ files: ['production'], set: ['workers.autoscaling.load.enabled=false'] });
const withLoad = render({ files: ['production'], set: ['workers.autoscaling.load.enabled=true'] });

/** A copy of an object with one field changed. Paths are as `spec.triggers.0.name`; `\.` is a dot inside a key. */
function changed(manifest: Manifest, [path, value]: Change): Manifest {
  const copy = structuredClone(manifest);
  const keys = path.split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.'));
  const last = keys.pop() ?? '';
  let at = copy as unknown as Record<string, unknown>;
  for (const key of keys) at = (at[key] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find(
    (each) => each.metadata.name === name && (isKnative(each) ? 'ksvc' : each.kind) === kind,
  );
  if (!found) throw new Error(`no ${kind} ${name} is rendered`);
  return found;
}

/** A changed object; a ScaledObject with the Deployment that it scales. */
function doctored(manifests: readonly Manifest[], kind: string, name: string, change: Change): Manifest[] {
  const target = kind === 'ScaledObject' ? [find(manifests, 'Deployment', name)] : [];
  return [...target, changed(find(manifests, kind, name), change)];
}

type Case = readonly [what: string, manifests: readonly Manifest[], refusal: Refusal];

/** What is said against each, asked for all at once. */
function judged(cases: readonly Case[]): [what: string, faults: Fault[], refusal: Refusal][] {
  const said = faultsOfEach(cases.map(([, manifests]) => manifests));
  return cases.map(([what, , refusal], index) => [what, said[index] ?? [], refusal]);
}

function expectRefused(faults: readonly Fault[], [by, reason]: Refusal): void {
  const said = faults.filter((fault) => fault.by === by).map(({ object, message }) => `${object}: ${message}`);
  expect(said.join('\n')).toMatch(reason);
}

const scaledObject: readonly Row[] = [
  ['a key of a trigger that is misspelt', ['spec.triggers.0.metadata.lagTreshold', '8'], ['KEDA', 'lagTreshold']],
  ['a trigger without its stream', ['spec.triggers.0.metadata.stream', undefined], ['KEDA', 'stream']],
  ['a trigger of a kind that KEDA does not have', ['spec.triggers.0.type', 'nats-jetsream'], ['KEDA', 'nats-jetsream']],
  [
    'a number where KEDA reads text',
    ['spec.triggers.0.metadata.lagThreshold', 8],
    ['API server', /lagThreshold.*string/],
  ],
  ['a threshold that is no number', ['spec.triggers.0.metadata.lagThreshold', 'eight'], ['KEDA', 'eight']],
  ['a field that is misspelt', ['spec.cooldownperiod', 5], ['API server', 'unknown field "spec.cooldownperiod"']],
  ['a polling interval of nothing', ['spec.pollingInterval', 0], ['API server', 'pollingInterval']],
  ['a maximum of no workers', ['spec.maxReplicaCount', 0], ['API server', 'maxReplicaCount']],
  ['more workers at least than at most', ['spec.minReplicaCount', 30], ['API server', 'less than or equal']],
  ['as many idle as at least', ['spec.idleReplicaCount', 1], ['KEDA', 'IdleReplicaCount=1']],
  [
    'a fallback that KEDA does not have',
    ['spec.fallback.behavior', 'currentReplicasIfMore'],
    ['API server', 'behavior'],
  ],
  ['a formula over an unknown trigger', ['spec.advanced.scalingModifiers.formula', 'first + last'], ['KEDA', 'last']],
  ['a formula over triggers without names', ['spec.triggers.1.name', undefined], ['KEDA', /name/]],
  [
    'a policy of the autoscaler that Kubernetes does not have',
    ['spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.0.type', 'Bogus'],
    ['API server', /HorizontalPodAutoscaler.*policies.*Bogus/],
  ],
  [
    'a window of the autoscaler longer than an hour',
    ['spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds', 3601],
    ['API server', 'stabilizationWindowSeconds'],
  ],
  ['a Deployment that is not there', ['spec.scaleTargetRef.name', 'worker-tts-flute'], ['KEDA', 'worker-tts-flute']],
  [
    'a Knative Service in place of a Deployment',
    ['spec.scaleTargetRef', { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'inference' }],
    ['KEDA', 'services.serving.knative.dev'],
  ],
  ['a name too long for its autoscaler', ['metadata.name', `worker-${'x'.repeat(50)}`], ['KEDA', /69|6\d characters/]],
];

describe('A copy of our ScaledObject is refused that has', () => {
  const name = 'worker-tts-piper';
  const another = changed(find(production, 'ScaledObject', name), ['metadata.name', 'another']);
  const misspelt: Change = ['spec.triggers.2.metadata.serverAdress', 'http://prometheus'];
  it.each(
    judged([
      ...scaledObject.map(([what, change, refusal]): Case => {
        return [what, doctored(production, 'ScaledObject', name, change), refusal];
      }),
      ['the Deployment of another', [...production, another], ['KEDA', 'already managed by']],
      [
        'a key of the Prometheus trigger that is misspelt',
        doctored(withLoad, 'ScaledObject', name, misspelt),
        ['KEDA', 'serverAdress'],
      ],
    ]),
  )('%s', (_, faults, refusal) => expectRefused(faults, refusal));
});

const container = 'spec.template.spec.containers.0';
const annotation = 'spec.template.metadata.annotations.autoscaling\\.knative\\.dev/';

const knativeService: readonly Row[] = [
  [
    'an annotation of the autoscaler on the Service itself',
    ['metadata.annotations', { 'autoscaling.knative.dev/min-scale': '1' }],
    ['Knative', 'autoscaling.knative.dev/min-scale'],
  ],
  ['an annotation of the autoscaler that is misspelt', [`${annotation}minscale`, '1'], ['Knative', 'minscale']],
  ['less than no pods', [`${annotation}min-scale`, '-1'], ['Knative', 'min-scale']],
  ['a start with no pods', [`${annotation}initial-scale`, '0'], ['Knative', 'initial-scale']],
  [
    'an autoscaler that Knative does not have',
    [`${annotation}class`, 'keda.autoscaling.knative.dev'],
    ['Knative', 'class'],
  ],
  [
    'a second port',
    [`${container}.ports`, [{ containerPort: 5000 }, { containerPort: 8080 }]],
    ['Knative', /more than one|ports/i],
  ],
  ['a port of the proxy', [`${container}.ports.0.containerPort`, 8012], ['Knative', 'containerPort']],
  ['a port with a name of our own', [`${container}.ports.0.name`, 'api'], ['Knative', /ports.*name|name.*ports/s]],
  ['a PORT of our own', [`${container}.env`, [{ name: 'PORT', value: '5000' }]], ['Knative', 'PORT']],
  [
    'a lifecycle',
    [`${container}.lifecycle`, { preStop: { httpGet: { path: '/drain', port: 5000 } } }],
    ['Knative', 'lifecycle'],
  ],
  [
    'an address from the pod without the flag for it',
    [`${container}.env`, [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]],
    ['Knative', 'fieldRef'],
  ],
  [
    'a startup probe without a port',
    [`${container}.startupProbe.httpGet.port`, undefined],
    ['API server', /Deployment gateway.*startupProbe.*port/],
  ],
  [
    'a request longer than Knative allows',
    ['spec.template.spec.timeoutSeconds', 20_000],
    ['Knative', 'timeoutSeconds'],
  ],
  [
    'a grace period',
    ['spec.template.spec.terminationGracePeriodSeconds', 60],
    ['API server', 'terminationGracePeriod'],
  ],
  ['a field that is misspelt', ['spec.template.spec.timeoutSecond', 60], ['API server', 'timeoutSecond']],
  [
    'rules for the whole pod without the flag',
    ['spec.template.spec.securityContext', { runAsUser: 1 }],
    ['Knative', 'securityContext'],
  ],
  [
    'a wish for a node without the flag',
    ['spec.template.spec.affinity', { nodeAffinity: {} }],
    ['Knative', 'affinity'],
  ],
  [
    'a folder of the node',
    ['spec.template.spec.volumes.0', { name: 'tmp', hostPath: { path: '/tmp' } }],
    ['Knative', 'hostPath'],
  ],
  [
    'a share of a GPU',
    [`${container}.resources.limits`, { 'nvidia.com/gpu': '500m' }],
    ['API server', 'nvidia.com/gpu'],
  ],
  [
    'less than no requests at once',
    ['spec.template.spec.containerConcurrency', -1],
    ['Knative', 'containerConcurrency'],
  ],
];

describe('A copy of our Knative Service is refused that has', () => {
  it.each(
    judged(
      knativeService.map(([what, change, refusal]) => {
        return [what, doctored(production, 'ksvc', 'gateway', change), refusal];
      }),
    ),
  )('%s', (_, faults, refusal) => expectRefused(faults, refusal));

  it.each([
    ['nodeSelector', 'inference.nodeSelector.pool=gpu'],
    ['runtimeClassName', 'inference.runtimeClassName=nvidia'],
    ['initContainers', 'global.models.source=fetch,global.models.fetch.image=fetch:1'],
    ['persistentVolumeClaim', 'global.models.source=claim,global.models.claim.name=models'],
  ])('%s on a cluster that was not patched', (field, set) => {
    const services = render({ set: [set] }).filter(isKnative);
    const said = (isPatched: boolean): string =>
      JSON.stringify(askKnative(services, isPatched).map(({ faults }) => faults));
    expect(said(false)).toContain(field);
    expect(said(true)).not.toContain(field);
  });
});

const others: readonly (readonly [what: string, kind: string, name: string, change: Change, refusal: Refusal])[] = [
  [
    'a Deployment with a field that is misspelt',
    'Deployment',
    'worker-tts-piper',
    ['spec.template.spec.terminationGracePeriod', 330],
    ['API server', 'terminationGracePeriod'],
  ],
  [
    'a Deployment whose selector misses its pods',
    'Deployment',
    'worker-tts-piper',
    ['spec.selector.matchLabels.app', 'x'],
    ['API server', /selector/],
  ],
  [
    'a Deployment with a share of a GPU',
    'Deployment',
    'worker-tts-piper',
    [`${container}.resources.limits.nvidia\\.com/gpu`, '0.5'],
    ['API server', 'nvidia.com/gpu'],
  ],
  [
    'a Deployment that is replaced in no known way',
    'Deployment',
    'worker-tts-piper',
    ['spec.strategy.type', 'Recreat'],
    ['API server', 'strategy'],
  ],
  [
    'a StatefulSet whose volume has no size',
    'StatefulSet',
    'nats',
    ['spec.volumeClaimTemplates.0.spec.resources', {}],
    ['API server', 'storage'],
  ],
  [
    'a StatefulSet that mounts what it does not have',
    'StatefulSet',
    'nats',
    [`${container}.volumeMounts.0.name`, 'conf'],
    ['API server', 'volumeMounts'],
  ],
  [
    'a NetworkPolicy with a port that is none',
    'NetworkPolicy',
    'antiphon-nats',
    ['spec.ingress.0.ports.0.port', 84222],
    ['API server', 'port'],
  ],
  [
    'a NetworkPolicy with a range that is none',
    'NetworkPolicy',
    'antiphon-nats',
    ['spec.ingress.0.from', [{ ipBlock: { cidr: '10.0.0.0/33' } }]],
    ['API server', 'cidr'],
  ],
  [
    'a Service with two ports of one name',
    'Service',
    'nats-headless',
    ['spec.ports.1.name', 'nats'],
    ['API server', 'ports'],
  ],
  [
    'a PodDisruptionBudget that says both',
    'PodDisruptionBudget',
    'nats',
    ['spec.minAvailable', 2],
    ['API server', 'minAvailable and maxUnavailable'],
  ],
  [
    'a ServiceMonitor with an interval that is none',
    'ServiceMonitor',
    'antiphon',
    ['spec.endpoints.0.interval', '5 s'],
    ['API server', 'interval'],
  ],
  [
    'a PrometheusRule with a field that is misspelt',
    'PrometheusRule',
    'antiphon-gateway',
    ['spec.groups.0.rule', []],
    ['API server', 'rule'],
  ],
];

describe('A copy of ours is refused that is', () => {
  it.each(
    judged(
      others.map(([what, kind, name, change, refusal]) => [what, doctored(production, kind, name, change), refusal]),
    ),
  )('%s', (_, faults, refusal) => expectRefused(faults, refusal));
});
