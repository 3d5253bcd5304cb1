import { laneDefinition } from '@app/broker';
import {
  functionGraph,
  jetStreamName,
  laneClasses,
  laneFunction,
  laneName,
  parseLane,
  type FunctionRow,
  type Lane,
} from '@app/protocol';
import {
  containerOf,
  deployments,
  environmentOf,
  named,
  ofKind,
  readYaml,
  render,
  workload,
  workloads,
  type Manifest,
} from './rendered';

interface Trigger {
  readonly type: string;
  readonly name: string;
  readonly metricType: string;
  readonly metadata: Readonly<Record<string, string>>;
}

interface ScaledObjectSpec {
  readonly scaleTargetRef: { readonly name: string };
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
  readonly initialCooldownPeriod: number;
  readonly fallback: { readonly replicas: number; readonly behavior: string };
  readonly advanced: { readonly scalingModifiers?: { formula: string; target: string; metricType: string } };
  readonly triggers: readonly Trigger[];
}

interface LaneValues {
  readonly kind: string;
  readonly model: string;
}

const lanes: readonly Lane[] = Object.values(
  (readYaml('knative/values.yaml') as { global: { lanes: Record<string, LaneValues> } }).global.lanes,
).map(({ kind, model }) => parseLane(`${kind}.${model}`));

const workerName = ({ kind, model }: Lane): string => `worker-${kind}-${model}`;
const thresholdOf = ({ seats, headroom }: FunctionRow): number => Math.max(1, Math.floor(seats * headroom));
const scaledObject = (manifests: readonly Manifest[], lane: Lane): ScaledObjectSpec =>
  named(manifests, 'ScaledObject', workerName(lane)).spec as unknown as ScaledObjectSpec;

it('knows a lane of every function of the graph', () => {
  expect([...new Set(lanes.map(({ kind }) => kind))].sort()).toEqual(functionGraph.map(({ kind }) => kind).sort());
});

describe.each(deployments)('the workers with %s', (title, choice) => {
  const manifests = render(choice);
  const environment = environmentOf(workload(manifests, 'gateway'));
  const dispatchOf = new Map(
    (environment.DISPATCH ?? '').split(',').map((pair) => pair.split('=') as [string, string]),
  );
  const pulled = lanes.filter(({ kind }) => dispatchOf.get(kind) === 'queue');

  it('are those of the lanes that the gateway fills', () => {
    const names = pulled.map(workerName).sort();
    expect(
      workloads(manifests)
        .flatMap(({ name, kind }) => (kind === 'Deployment' ? [name] : []))
        .sort(),
    ).toEqual(names);
    expect(
      ofKind(manifests, 'ScaledObject')
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(names);
  });

  it('are told of every function how it is dispatched, as the graph has it but in dev', () => {
    const wanted = functionGraph.map(({ kind, dispatch }) => [kind, title === 'dev' ? 'request' : dispatch]);
    expect([...dispatchOf]).toEqual(wanted);
  });

  for (const lane of pulled) {
    describe(`of ${laneName(lane)}`, () => {
      it('serve it as the graph says', () => {
        const row = laneFunction(lane);
        const worker = workload(manifests, workerName(lane));
        expect(containerOf(worker).args).toEqual(['worker']);
        expect(environmentOf(worker)).toMatchObject({ LANES: laneName(lane), BATCH_SIZE: String(row.seats) });
        expect(environmentOf(worker).EXECUTION_PROVIDER).toBe(row.wantsGpu ? 'cuda' : 'cpu');
        const { scale } = row;
        expect(scaledObject(manifests, lane)).toMatchObject({
          scaleTargetRef: { name: workerName(lane) },
          minReplicaCount: scale.min,
          maxReplicaCount: scale.max,
        });
      });

      it('are counted by the lag of its consumers', () => {
        const { triggers, advanced } = scaledObject(manifests, lane);
        const threshold = String(thresholdOf(laneFunction(lane)));
        expect(triggers).toEqual(
          laneClasses(lane).map((consumer) => ({
            type: 'nats-jetstream',
            name: consumer,
            metricType: 'AverageValue',
            metadata: {
              natsServerMonitoringEndpoint: 'nats-headless.speech.svc.cluster.local:8222',
              account: '$G',
              stream: jetStreamName(lane),
              consumer,
              lagThreshold: threshold,
              activationLagThreshold: '0',
            },
          })),
        );
        // KEDA takes the largest of several triggers; the load of a lane is their sum.
        const sum = { formula: laneClasses(lane).join(' + '), target: threshold, metricType: 'AverageValue' };
        expect(advanced.scalingModifiers).toEqual(laneClasses(lane).length > 1 ? sum : undefined);
      });

      it('may hold as many jobs as their seats at once', () => {
        const { maxReplicaCount } = scaledObject(manifests, lane);
        const seats = Number(environmentOf(workload(manifests, workerName(lane))).BATCH_SIZE) * maxReplicaCount;
        const { stream, consumers } = laneDefinition(lane);
        for (const { max_ack_pending } of consumers) expect(max_ack_pending).toBeGreaterThanOrEqual(seats);
        expect(stream.max_msgs).toBeGreaterThan(seats);
      });

      it('are not cut short', () => {
        const worker = workload(manifests, workerName(lane));
        const { spec } = worker.template;
        const drainMs = Number(environmentOf(worker).DRAIN_TIMEOUT_MS);
        expect(drainMs).toBe(Math.min(laneFunction(lane).longestRunMs, 300_000));
        expect(spec.terminationGracePeriodSeconds ?? 0).toBeGreaterThanOrEqual(drainMs / 1_000 + 30);
        expect(worker.manifest.spec).not.toHaveProperty('replicas');
        expect(worker.manifest.spec?.strategy).toEqual({ type: 'Recreate' });
        const { initialCooldownPeriod, fallback } = scaledObject(manifests, lane);
        const { startupProbe } = containerOf(worker);
        const startSeconds = (startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0);
        expect(startSeconds).toBeGreaterThan(0);
        expect(initialCooldownPeriod).toBeGreaterThan(startSeconds);
        expect(fallback).toMatchObject({ replicas: 1, behavior: 'currentReplicasIfHigher' });
      });
    });
  }

  it('leave the inference service the lanes that go by request, or all at zero', () => {
    const requested = lanes.filter((lane) => !pulled.includes(lane));
    const served = requested.length > 0 ? requested : lanes;
    const inference = workload(manifests, 'inference');
    expect(containerOf(inference).args).toEqual(['serve']);
    const { LANES, BATCH_SIZE } = environmentOf(inference);
    expect((LANES ?? '').split(',').sort()).toEqual(served.map(laneName).sort());
    expect(inference.template.spec.containerConcurrency).toBe(Number(BATCH_SIZE) * served.length);
    expect(inference.template.metadata.annotations?.['autoscaling.knative.dev/min-scale']).toBe('0');
    const longestMs = Math.max(...served.map((lane) => laneFunction(lane).longestRunMs));
    expect(Number(inference.template.spec.timeoutSeconds)).toBeGreaterThan(longestMs / 1_000);
  });

  it('leave sockets open for longer than the longest job', () => {
    const longestMs = Math.max(...lanes.map((lane) => laneFunction(lane).longestRunMs));
    expect(Number(workload(manifests, 'gateway').template.spec.timeoutSeconds)).toBeGreaterThan(longestMs / 1_000);
  });
});

describe('single lanes', () => {
  /** Without the lanes that these tests are not about. */
  const alone = lanes
    .filter((lane) => !['tts.piper', 'stt.whisper-tiny-en'].includes(laneName(lane)))
    .map(({ kind, model }) => `global.lanes.${kind}-${model}.enabled=false`);

  it('go by request beside others that are pulled', () => {
    const manifests = render({ set: [...alone, 'global.lanes.tts-piper.dispatch=request'] });
    expect(environmentOf(workload(manifests, 'gateway')).DISPATCH).toMatch(/stt=queue,tts=request/);
    expect(environmentOf(workload(manifests, 'inference')).LANES).toBe('tts.piper');
    const workers = ofKind(manifests, 'ScaledObject').map(({ metadata }) => metadata.name);
    expect(workers).toContain('worker-stt-whisper-tiny-en');
    expect(workers).not.toContain('worker-tts-piper');
  });

  it('go by request or not at all, as their values say', () => {
    const manifests = render({
      set: [
        ...alone,
        'global.lanes.tts-piper.dispatch=request',
        'global.lanes.tts-piper.seats=4',
        'global.lanes.stt-whisper-tiny-en.enabled=false',
      ],
    });
    expect(ofKind(manifests, 'ScaledObject')).toEqual([]);
    expect(environmentOf(workload(manifests, 'gateway')).DISPATCH).toContain('tts=request');
    const inference = workload(manifests, 'inference');
    expect(environmentOf(inference)).toMatchObject({ LANES: 'tts.piper', BATCH_SIZE: '4' });
    expect(inference.template.spec.containerConcurrency).toBe(4);
  });

  it('give the inference service the fewest seats of its lanes', () => {
    const manifests = render({ files: ['dev'], set: ['global.lanes.tts-piper.seats=4'] });
    const inference = workload(manifests, 'inference');
    expect(environmentOf(inference).BATCH_SIZE).toBe('4');
    expect(inference.template.spec.containerConcurrency).toBe(4 * lanes.length);
  });
});

describe('load over capacity beside the lag', () => {
  const manifests = render({ set: ['workers.autoscaling.load.enabled=true'] });
  const pulled = lanes.filter((lane) => laneFunction(lane).dispatch === 'queue');

  it.each(pulled.map((lane) => [laneName(lane), lane] as const))(
    'asks Prometheus for %s, and goes on without it',
    (_, lane) => {
      const { triggers, advanced, fallback } = scaledObject(manifests, lane);
      const threshold = thresholdOf(laneFunction(lane));
      const load = triggers.find(({ name }) => name === 'load');
      const select = `{namespace="speech",service="${workerName(lane)}"}`;
      expect(load).toMatchObject({ type: 'prometheus', metricType: 'AverageValue' });
      expect(load?.metadata.query).toBe(
        `${threshold} * sum(antiphon_busy_seats${select}) / (0.8 * avg(antiphon_seats${select}))`,
      );
      const consumers = laneClasses(lane);
      const isLost = consumers.map((name) => `${name} == nil`).join(' || ');
      expect(advanced.scalingModifiers).toEqual({
        formula: `${isLost} ? max(load ?? 0, ${threshold}) : max(${consumers.join(' + ')}, load ?? 0)`,
        target: String(threshold),
        metricType: 'AverageValue',
      });
      expect(fallback.behavior).toBe('scalingModifiers');
    },
  );
});
