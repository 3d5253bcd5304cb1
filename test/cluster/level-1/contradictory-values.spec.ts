import { itRefuses, itTakes } from './refusals';
import { readYaml, refusal, render, workersChart, workload } from './rendered';

const knativeDefaults = readYaml('knative/cluster/config-defaults.yaml') as { data: Record<string, string> };
const longestSeconds = Number(knativeDefaults.data['max-revision-timeout-seconds']);

const byRequest = ['global.lanes.tts-piper.dispatch=request', 'global.lanes.stt-whisper-tiny-en.dispatch=request'];
const noLane = [
  'global.lanes.speech-activity-builtin.enabled=false',
  'global.lanes.tts-piper.enabled=false',
  'global.lanes.stt-whisper-tiny-en.enabled=false',
];
const withoutRules = ['global.networkPolicy.enabled=false'];

describe('a smallest number above the largest is refused', () => {
  itRefuses([
    [['gateway.minScale=11'], ['gateway.minScale is 11', 'gateway.maxScale, 10', 'lower']],
    [['license.minScale=4'], ['license.minScale is 4', 'license.maxScale, 3', 'lower']],
    [
      ['inference.minScale=3', 'inference.maxScale=2'],
      ['inference.minScale is 3', 'inference.maxScale, 2'],
    ],
    [['inference.minScale=26'], ['inference.minScale is 26', 'the largest maxReplicas of its lanes, 25']],
    [['global.lanes.tts-piper.minReplicas=26'], ['tts-piper.minReplicas is 26', 'tts-piper.maxReplicas, 25']],
    [
      [...byRequest, 'global.lanes.tts-piper.minReplicas=26'],
      ['tts-piper.minReplicas is 26', 'tts-piper.maxReplicas, 25'],
    ],
    [
      ['workers.autoscaling.fallback.replicas=26'],
      ['autoscaling.fallback.replicas is 26', 'global.lanes.speech-activity-builtin.maxReplicas, 5'],
    ],
  ]);

  describe('by the chart of the workers alone', () =>
    itRefuses(
      [
        [['global.lanes.tts-piper.minReplicas=26'], ['tts-piper.minReplicas is 26', 'tts-piper.maxReplicas, 25']],
        [['autoscaling.fallback.replicas=26'], ['autoscaling.fallback.replicas is 26']],
      ],
      { chart: workersChart },
    ));
});

describe('a time that cannot be kept is refused', () => {
  itRefuses([
    [['gateway.timeoutSeconds=5'], ['gateway.timeoutSeconds is 5', 'at least 90', '30 s', '60 s']],
    [
      ['gateway.timeoutSeconds=300', 'gateway.waitBudgetMs=300000'],
      ['gateway.timeoutSeconds is 300', 'gateway.waitBudgetMs, 300000', 'at least 301'],
    ],
    [[`gateway.timeoutSeconds=${longestSeconds + 1}`], ['gateway.timeoutSeconds is 14701', '14700']],
    [[`license.timeoutSeconds=${longestSeconds + 1}`], ['license.timeoutSeconds is 14701', '14700']],
    [
      ['gateway.waitBudgetMs=300001'],
      ['gateway.waitBudgetMs is 300001', 'longestRunSeconds, 14400', '14700', 'at most 300000'],
    ],
    [
      [...byRequest, 'gateway.timeoutSeconds=3600', 'gateway.waitBudgetMs=300001'],
      ['gateway.waitBudgetMs is 300001', 'at most 300000'],
    ],
    [
      ['global.lanes.tts-piper.longestRunSeconds=14700'],
      ['global.lanes.tts-piper.longestRunSeconds is 14700', 'at most 14640'],
    ],
    [
      ['global.lanes.tts-piper.requestSeconds=14701'],
      ['global.lanes.tts-piper.requestSeconds is 14701', 'at most 14700'],
    ],
    [
      ['global.lanes.tts-piper.requestSeconds=299'],
      ['global.lanes.tts-piper.requestSeconds is 299', 'global.lanes.tts-piper.longestRunSeconds, 300', 'at least 300'],
    ],
    [
      ['gateway.licenseTimeoutMs=120001'],
      ['gateway.licenseTimeoutMs is 120001', 'license.timeoutSeconds, 120', 'at most 120000'],
    ],
    [
      ['inference.modelLoadSeconds=1200'],
      ['inference.modelLoadSeconds is 1200', 'inference.progressDeadline, 1200s', 'raise'],
    ],
    [['inference.modelLoadSeconds=300', 'inference.progressDeadline=5m'], ['inference.progressDeadline, 5m']],
    [
      ['workers.autoscaling.initialCooldownSeconds=240'],
      ['autoscaling.initialCooldownSeconds is 240', 'modelLoadSeconds, 240'],
    ],
  ]);

  describe('but not one that can', () =>
    itTakes([
      ['gateway.timeoutSeconds=90'],
      ['gateway.waitBudgetMs=300000'],
      ['gateway.timeoutSeconds=301', 'gateway.waitBudgetMs=300000'],
      // The longest STT stream ends with its socket, and no job of it goes by request.
      ['gateway.timeoutSeconds=3600', 'gateway.waitBudgetMs=300001', 'global.lanes.tts-piper.dispatch=request'],
      ['knative.maxRequestSeconds=20000', 'gateway.waitBudgetMs=600000'],
      ['inference.modelLoadSeconds=1199'],
    ]));

  it('and none is derived that is shorter than a pod drains', () => {
    const short = ['gateway.waitBudgetMs=1000', ...byRequest];
    for (const lane of ['tts-piper', 'stt-whisper-tiny-en']) {
      short.push(`global.lanes.${lane}.longestRunSeconds=5`, `global.lanes.${lane}.requestSeconds=10`);
    }
    const manifests = render({ set: short });
    for (const name of ['gateway', 'inference']) {
      expect(workload(manifests, name).template.spec.timeoutSeconds).toBe(90);
    }
  });

  it('with the limit to which the repository patches Knative', () => {
    const values = readYaml('knative/values.yaml') as { knative: { maxRequestSeconds: number } };
    expect(values.knative.maxRequestSeconds).toBe(longestSeconds);
  });
});

describe('more than there is room for is refused', () => {
  itRefuses([
    [['nats.storage.size=1Gi'], ['nats.storage.size is 1Gi', 'nats.jetstream.disk, 2Gi', 'raise']],
    [['nats.storage.size=2Gi'], ['nats.storage.size is 2Gi', 'nats.jetstream.disk, 2Gi']],
    [['nats.storage.size=2000M'], ['nats.storage.size is 2000M']],
    [['nats.jetstream.disk=1Ti'], ['nats.storage.size is 4Gi', 'nats.jetstream.disk, 1Ti']],
    [['nats.jetstream.memory=2Gi'], ['nats.jetstream.memory is 2Gi', 'nats.resources.limits.memory, 2Gi', 'lower']],
    [['nats.resources.limits.memory=1073741824'], ['nats.jetstream.memory is 1Gi']],
    [
      ['nats.replicas=1', 'global.nats.streamReplicas=3'],
      ['global.nats.streamReplicas is 3', 'nats.replicas, 1'],
    ],
    [['global.lanes.tts-piper.seats=64'], ['seats times maxReplicas is 1600', '1200']],
    [[`global.lanes.tts-piper.model=${'m'.repeat(50)}`], ['longer than 63']],
  ]);

  describe('as a request above its limit', () => {
    itRefuses([
      ...['gateway', 'license', 'inference', 'nats', 'workers'].map(
        (part) =>
          [
            [`${part}.resources.requests.memory=9Gi`],
            ['resources.requests.memory is 9Gi', 'resources.limits.memory', 'lower the request or raise the limit'],
          ] as const,
      ),
      [
        ['gateway.resources.limits.cpu=499m'],
        ['gateway.resources.requests.cpu is 500m', 'gateway.resources.limits.cpu, 499m'],
      ],
      [
        [
          'workers.overrides.tts-piper.resources.requests.cpu=3',
          'workers.overrides.tts-piper.resources.limits.cpu=2500m',
        ],
        ['overrides.tts-piper.resources.requests.cpu is 3', 'overrides.tts-piper.resources.limits.cpu, 2500m'],
      ],
    ]);

    describe('by the chart of the workers alone', () =>
      itRefuses([[['resources.requests.memory=9Gi'], ['resources.requests.memory is 9Gi', 'limits.memory, 8Gi']]], {
        chart: workersChart,
      }));
  });

  describe('but not what has room', () =>
    itTakes([
      ['gateway.resources.limits.cpu=500m', 'license.resources.limits.cpu=1'],
      ['gateway.resources.requests.memory=1Gi'],
      ['nats.storage.size=2.5Gi'],
      ['nats.storage.size=2200M'],
      ['nats.resources.limits.memory=null'],
      ['nats.storage.size=1Gi', 'global.nats.url=nats://bus:4222', ...withoutRules, 'workers.enabled=false'],
    ]));
});

describe('lanes that cannot be served are refused', () => {
  itRefuses([
    [noLane, ['global.lanes', 'enabled: false', 'enable one']],
    [
      ['global.lanes.tts-piper.kind=stt', 'global.lanes.tts-piper.model=whisper-tiny-en'],
      ['global.lanes.tts-piper', 'global.lanes.stt-whisper-tiny-en', 'stt.whisper-tiny-en'],
    ],
    [
      ['global.lanes.tts-piper.stream=ANTIPHON_STT_WHISPER_TINY_EN'],
      ['global.lanes.tts-piper', 'global.lanes.stt-whisper-tiny-en', 'ANTIPHON_STT_WHISPER_TINY_EN'],
    ],
    [['workers.overrides.tts-pipr.gpuCount=2'], ['overrides.tts-pipr']],
    [
      ['workers.overrides.tts-piper.gpuCount=2', 'workers.gpu.enabled=false'],
      ['overrides.tts-piper.gpuCount is 2', 'gpu.enabled'],
    ],
  ]);

  describe('by the chart of the workers alone', () =>
    itRefuses([[noLane, ['global.lanes', 'enabled: false', 'enable one']]], { chart: workersChart }));

  it('but not a lane that is taken out beside one that is served', () => {
    const others = ['global.lanes.tts-piper.enabled=false', 'global.lanes.tts-piper.kind=stt'];
    expect(refusal({ set: [...others, 'global.lanes.tts-piper.model=whisper-tiny-en'] })).toBeUndefined();
  });
});

describe('a NATS, a model or a licence that is named by half is refused', () => {
  const peers = 'global.nats.peers[0].namespaceSelector.matchLabels.a=b';
  itRefuses([
    [['global.nats.url=nats://bus:4222', ...withoutRules], ['global.nats.monitoringEndpoint']],
    [['global.nats.url=nats://bus:4222', 'global.nats.monitoringEndpoint=bus:8222'], ['global.nats.peers']],
    [['global.nats.url=nats://bus:4222', 'workers.enabled=false'], ['global.nats.peers']],
    [[peers], ['global.nats.peers is set', 'global.nats.url is empty']],
    [
      ['global.nats.monitoringEndpoint=bus:8222'],
      ['global.nats.monitoringEndpoint is bus:8222', 'global.nats.url is empty'],
    ],
    [['global.models.source=claim'], ['claim.name']],
    [['global.models.source=fetch'], ['fetch.image']],
    [['license.existingSecret='], ['license.files']],
    [
      ['license.files.license=L', 'license.files.publicKeys=P'],
      ['license.files is given', 'license.existingSecret, antiphon-license', 'empty'],
    ],
  ]);

  describe('by the chart of the workers alone', () =>
    itRefuses([[[peers], ['global.nats.peers is set', 'global.nats.url is empty']]], { chart: workersChart }));
});

describe('a public name that leads nowhere is refused', () => {
  itRefuses([
    [['ingress.external.enabled=true'], ['ingress.domain']],
    [['ingress.domain=a.example.com', 'ingress.tls.issuer.name=letters'], ['secretName']],
    [
      ['ingress.domain=a.example.com', 'gateway.visibility=cluster-local'],
      ['ingress.domain is a.example.com', 'gateway.visibility is cluster-local'],
    ],
  ]);
});
