import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { JobClient, LaneRunner, NatsBroker, Presence, type JobRequest } from '@app/broker';
import { jetStreamName, type Lane } from '@app/protocol';
import { RecordingListener } from '../../../libs/broker/src/testing/recording-listener';
import { ScriptedHandler } from '../../../libs/broker/src/testing/scripted-handlers';
import { sttRequest, ttsRequest } from '../../../libs/broker/src/testing/jobs';
import { utterance } from '../../../libs/broker/src/testing/worker-bench';
import { freePort } from '../../support/nats-server';
import { ChartNats } from './chart-nats';
import { named, ofKind, render, type Manifest } from './rendered';
import { until } from '../../support/until';
import { readOnce, readTriggers, type Look, type Reading } from './wanted-workers';

jest.setTimeout(120_000);

const manifests = render({ files: ['production'], set: ['nats.replicas=1', 'global.nats.streamReplicas=1'] });
const lanes = { tts: laneOf('worker-tts-'), stt: laneOf('worker-stt-') };

/** No job is given up while KEDA is asked. */
const newRequestBudgetMs = 600_000;

interface Scaled {
  readonly name: string;
  readonly lane: Lane;
  /** Jobs for which one worker is wanted. */
  readonly threshold: number;
}

/** A lane by its ScaledObject. */
function laneOf(prefix: string): Scaled {
  const found = ofKind(manifests, 'ScaledObject').find(({ metadata }) => metadata.name.startsWith(prefix));
  if (!found) throw new Error(`no ScaledObject ${prefix}`);
  const { name } = found.metadata;
  const [, kind = '', ...model] = name.split('-');
  const { triggers } = found.spec as { triggers: { metadata: { lagThreshold: string } }[] };
  return {
    name,
    lane: { kind, model: model.join('-') } as Lane,
    threshold: Number(triggers[0]?.metadata.lagThreshold),
  };
}

let server: ChartNats;
let endpoint: string;
let gateway: NatsBroker;
let client: JobClient;
let presence: Presence;
let brokers: NatsBroker[];
let runners: LaneRunner[];

const connect = async (name: string): Promise<NatsBroker> => {
  const broker = new NatsBroker({ servers: server.urls, name });
  await broker.start();
  brokers.push(broker);
  return broker;
};

/** A worker of a lane; its jobs run until the test ends them. */
async function worker(workerId: string, { lane }: Scaled, seats: number) {
  const broker = await connect(workerId);
  const handler = new ScriptedHandler();
  const handlers = { [lane.kind]: handler.handle };
  const runner = new LaneRunner({ broker, workerId, pulls: true, lanes: [{ lane, seats }], handlers });
  await runner.start();
  runners.push(runner);
  return { handler, runner, broker };
}

/** Submits so many jobs; the way to call each off, in order. */
async function submit(count: number, scaled: Scaled, jobClass?: string): Promise<(() => void)[]> {
  const request: JobRequest = scaled === lanes.stt ? sttRequest() : ttsRequest(jobClass);
  const calls = [];
  for (let job = 0; job < count; job += 1) {
    const { lane } = scaled;
    const handle = await client.submit(
      { ...request, lane, job: { ...request.job, model: lane.model } },
      new RecordingListener(),
    );
    calls.push(() => handle.cancel('test'));
  }
  return calls;
}

const loadIs = (scaled: Scaled, waiting: number, running: number): Promise<void> =>
  until(async () => {
    const load = await gateway.load(scaled.lane);
    return load.waiting === waiting && load.running === running;
  });

const look = ({ name }: Scaled, more: Partial<Look> = {}): Promise<Reading> =>
  readOnce(manifests, { scaledObject: name, endpoint, ...more });

beforeAll(async () => {
  const [clientPort, monitorPort] = [await freePort(), await freePort()];
  server = new ChartNats(manifests, [{ pod: 'nats-0', host: '127.0.0.1', clientPort, monitorPort }]);
  endpoint = `127.0.0.1:${monitorPort}`;
  await server.start();
});
afterAll(() => server.stop());

beforeEach(async () => {
  brokers = [];
  runners = [];
  gateway = await connect('gateway');
  for (const { lane } of Object.values(lanes)) await gateway.ensureLane(lane);
  client = new JobClient(gateway, { gatewayId: 'gateway', lanes: gateway, newRequestBudgetMs });
  await client.start();
  presence = new Presence(gateway, { gatewayId: 'gateway', activeByKey: () => ({}) });
  presence.start();
});
afterEach(async () => {
  presence.stop();
  await client.close();
  await Promise.all(runners.map((runner) => runner.stop(0)));
  await Promise.all(brokers.map((broker) => broker.close()));
  const connection = await connectNats({ servers: server.urls });
  const manager = await jetstreamManager(connection);
  for (const { lane } of Object.values(lanes)) await manager.streams.delete(jetStreamName(lane)).catch(() => false);
  await connection.close();
});

describe.each([
  ['texts', lanes.tts],
  ['recordings', lanes.stt],
])('By the lag that KEDA reads of the %s', (_, scaled) => {
  const { threshold } = scaled;

  it('nobody is wanted while there is no job', async () => {
    expect(await look(scaled)).toMatchObject({ active: false, wanted: 0, metrics: [{ value: 0, target: threshold }] });
  });

  it('jobs that wait want a worker for each that many as its threshold, and one wants one', async () => {
    await submit(1, scaled);
    await loadIs(scaled, 1, 0);
    expect(await look(scaled)).toMatchObject({ active: true, wanted: 1 });
    await submit(threshold - 1, scaled);
    await loadIs(scaled, threshold, 0);
    expect(await look(scaled)).toMatchObject({ wanted: 1, metrics: [{ value: threshold }] });
    await submit(1, scaled);
    await loadIs(scaled, threshold + 1, 0);
    expect(await look(scaled)).toMatchObject({ wanted: 2, metrics: [{ value: threshold + 1 }] });
    await submit(2 * threshold, scaled);
    await loadIs(scaled, 3 * threshold + 1, 0);
    expect(await look(scaled)).toMatchObject({ wanted: 4 });
  });

  it('jobs that run keep their workers', async () => {
    await submit(threshold + 2, scaled);
    const { handler } = await worker('worker-1', scaled, threshold);
    await until(() => handler.runs.length === threshold);
    await loadIs(scaled, 2, threshold);
    expect(await look(scaled, { replicas: 1 })).toMatchObject({ wanted: 2, metrics: [{ value: threshold + 2 }] });
  });

  it('jobs that have ended want nobody', async () => {
    const calls = await submit(3, scaled);
    const { handler } = await worker('worker-1', scaled, 3);
    await until(() => handler.runs.length === 3);
    for (const call of calls) call();
    await loadIs(scaled, 0, 0);
    expect(await look(scaled, { replicas: 1 })).toMatchObject({ active: false, wanted: 0 });
  });

  it('a job that its worker lost counts once, before another has it and after', async () => {
    await submit(1, scaled);
    const lost = await worker('worker-1', scaled, 1);
    await until(() => lost.handler.runs.length === 1);
    await lost.broker.close();
    expect(await look(scaled)).toMatchObject({ wanted: 1, metrics: [{ value: 1 }] });
    const next = await worker('worker-2', scaled, 1);
    await until(() => next.handler.runs.length === 1);
    expect(next.handler.last.context.attempt).toBe(2);
    expect(await look(scaled)).toMatchObject({ wanted: 1, metrics: [{ value: 1 }] });
  });

  it('a job that a stopping worker hands back still wants a worker', async () => {
    await submit(1, scaled);
    const { handler, runner } = await worker('worker-1', scaled, 1);
    await until(() => handler.runs.length === 1);
    await runner.stop(0);
    expect(await look(scaled)).toMatchObject({ active: true, wanted: 1, metrics: [{ value: 1 }] });
  });
});

describe('By the lag that KEDA reads', () => {
  it('texts of all classes count together, not the class with the most', async () => {
    const { tts } = lanes;
    await submit(tts.threshold, tts, 'first');
    await submit(tts.threshold, tts, 'rest');
    await loadIs(tts, 2 * tts.threshold, 0);
    const reading = await look(tts);
    expect(reading.triggers).toMatchObject([
      { name: 'first', value: tts.threshold },
      { name: 'rest', value: tts.threshold },
    ]);
    expect(reading).toMatchObject({ wanted: 2, metrics: [{ value: 2 * tts.threshold }] });
  });

  it('an utterance that was spoken to its end is gone', async () => {
    await submit(1, lanes.tts);
    const { handler } = await worker('worker-1', lanes.tts, 1);
    await until(() => handler.runs.length === 1);
    for (const emission of utterance) handler.last.emit(emission);
    await loadIs(lanes.tts, 0, 0);
    expect(await look(lanes.tts)).toMatchObject({ active: false, wanted: 0 });
  });

  it('recordings leave room for the next caller: a worker is wanted before the seats of the others are taken', () => {
    const seats = environmentOf(named(manifests, 'Deployment', lanes.stt.name)).BATCH_SIZE;
    expect(lanes.stt.threshold).toBeLessThan(Number(seats));
    expect(lanes.stt.threshold).toBe(Math.floor(Number(seats) * 0.7));
  });

  it('never more workers are wanted than the lane may have', async () => {
    const { tts } = lanes;
    const { maxReplicaCount } = named(manifests, 'ScaledObject', tts.name).spec as { maxReplicaCount: number };
    await submit(tts.threshold * maxReplicaCount + 1, tts);
    await loadIs(tts, tts.threshold * maxReplicaCount + 1, 0);
    expect(await look(tts)).toMatchObject({ wanted: maxReplicaCount });
  });
});

describe.each([
  ['texts', lanes.tts],
  ['recordings', lanes.stt],
])('Where the lag of the %s cannot be read', (_, scaled) => {
  beforeEach(async () => {
    const connection = await connectNats({ servers: server.urls });
    await (await jetstreamManager(connection)).streams.delete(jetStreamName(scaled.lane));
    await connection.close();
  });

  it('KEDA says so: a lane that is not there is not zero jobs, and not the most workers', async () => {
    const reading = await look(scaled, { replicas: 2 });
    expect(reading.wanted).toBeNull();
    for (const { error } of reading.triggers) expect(error).toContain('not found');
  });

  it('KEDA falls back after the failures that we allow: to the workers that there are, to one where there is none', async () => {
    const { fallback } = named(manifests, 'ScaledObject', scaled.name).spec as {
      fallback: { failureThreshold: number; replicas: number };
    };
    const reads = fallback.failureThreshold + 1;
    const wanted = async (replicas: number): Promise<(number | null)[]> => {
      const readings = await readTriggers(manifests, { scaledObject: scaled.name, endpoint, reads, replicas });
      return readings.map((reading) => reading.wanted);
    };
    const unknown = Array.from({ length: fallback.failureThreshold }, () => null);
    expect(await wanted(0)).toEqual([...unknown, fallback.replicas]);
    expect(await wanted(3)).toEqual([...unknown, 3]);
  });
});

describe('With the load beside the lag', () => {
  let prometheus: Server;
  let answer: number | undefined;
  let withLoad: Manifest[];

  beforeAll(async () => {
    prometheus = createServer((_, response) => {
      if (answer === undefined) response.writeHead(503).end();
      else response.end(JSON.stringify(vector(answer)));
    });
    await new Promise<void>((done) => prometheus.listen(0, '127.0.0.1', done));
    const { port } = prometheus.address() as AddressInfo;
    const set = [
      'workers.autoscaling.load.enabled=true',
      `workers.autoscaling.load.prometheusAddress=http://127.0.0.1:${port}`,
    ];
    withLoad = render({ files: ['production'], set });
  });
  afterAll(() => prometheus.close());

  const lookWithLoad = (more: Partial<Look> = {}): Promise<Reading[]> =>
    readTriggers(withLoad, { scaledObject: lanes.tts.name, endpoint, ...more });

  it('the larger wish counts', async () => {
    const { threshold } = lanes.tts;
    await submit(threshold + 1, lanes.tts);
    await loadIs(lanes.tts, threshold + 1, 0);
    answer = 2 * threshold + 1;
    expect(await lookWithLoad()).toMatchObject([{ wanted: 3 }]);
    answer = 1;
    expect(await lookWithLoad()).toMatchObject([{ wanted: 2 }]);
  });

  it('the lag goes on alone while Prometheus is away', async () => {
    const { threshold } = lanes.tts;
    answer = undefined;
    await submit(threshold + 1, lanes.tts);
    await loadIs(lanes.tts, threshold + 1, 0);
    expect((await lookWithLoad({ reads: 5 })).at(-1)).toMatchObject({ active: true, wanted: 2 });
  });

  it('the load goes on alone while the lag cannot be read', async () => {
    const { threshold } = lanes.tts;
    answer = 3 * threshold;
    const readings = await lookWithLoad({ reads: 5, endpoint: '127.0.0.1:1' });
    expect(readings.at(-1)).toMatchObject({ active: true, wanted: 3 });
  });
});

const vector = (value: number) => ({
  status: 'success',
  data: { resultType: 'vector', result: [{ metric: {}, value: [Date.now() / 1_000, String(value)] }] },
});

function environmentOf(deployment: Manifest): Record<string, string | undefined> {
  const { template } = deployment.spec as {
    template: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
  };
  return Object.fromEntries((template.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
}
