import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { JobClient, LaneRunner, NatsBroker, Presence, type JobLanes } from '@app/broker';
import { jetStreamName } from '@app/protocol';
import { ttsLane, ttsRequest } from '../../libs/broker/src/testing/jobs';
import { RecordingListener } from '../../libs/broker/src/testing/recording-listener';
import { ScriptedHandler, type Run } from '../../libs/broker/src/testing/scripted-handlers';
import { utterance } from '../../libs/broker/src/testing/worker-bench';
import { queueDispatch, requestDispatch, type DispatchUnderTest } from '../support/dispatches';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

interface TestWorker {
  readonly handler: ScriptedHandler;
  /** As a process that is killed: nothing of it can be reached any more. */
  vanish(): Promise<void>;
}

describe.each([
  ['queue', queueDispatch],
  ['request', requestDispatch],
] as const)('Jobs on a real nats-server, by %s', (name, makeDispatch) => {
  const server = new TestNatsServer();
  const brokers: NatsBroker[] = [];
  let dispatch: DispatchUnderTest;
  let gateway: NatsBroker;
  let lanes: JobLanes;
  let client: JobClient;
  let presence: Presence;
  let runners: LaneRunner[];

  const connect = async (clientName: string): Promise<NatsBroker> => {
    const broker = new NatsBroker({ servers: [server.url], name: clientName });
    await broker.start();
    brokers.push(broker);
    return broker;
  };
  const worker = async (workerId: string, seats = 1, handler = new ScriptedHandler()): Promise<TestWorker> => {
    const broker = await connect(workerId);
    const runner = new LaneRunner({
      broker,
      workerId,
      pulls: dispatch.pulls,
      lanes: [{ lane: ttsLane, seats }],
      handlers: { tts: handler.handle },
    });
    await runner.start();
    runners.push(runner);
    const delivery = await dispatch.open(runner);
    const vanish = async (): Promise<void> => {
      await broker.close();
      await delivery.vanish();
    };
    return { handler, vanish };
  };
  const submit = async (jobClass?: string): Promise<{ listener: RecordingListener; cancel: () => void }> => {
    const listener = new RecordingListener();
    const handle = await client.submit(ttsRequest(jobClass), listener);
    return { listener, cancel: () => handle.cancel('test') };
  };
  const started = async (handler: ScriptedHandler, count = 1): Promise<Run> => {
    await until(() => handler.runs.length >= count);
    return handler.last;
  };
  const loadIs = (waiting: number, running: number): Promise<void> =>
    until(async () => {
      const load = await lanes.load(ttsLane);
      return load.waiting === waiting && load.running === running;
    });

  beforeAll(() => server.start());
  afterAll(() => server.stop());
  beforeEach(async () => {
    runners = [];
    gateway = await connect('gateway');
    dispatch = await makeDispatch();
    lanes = dispatch.lanes(gateway);
    await lanes.ensureLane(ttsLane);
    client = new JobClient(gateway, { gatewayId: 'gateway', lanes });
    await client.start();
    presence = new Presence(gateway, { gatewayId: 'gateway', activeByKey: () => ({}) });
    presence.start();
  });
  afterEach(async () => {
    presence.stop();
    await client.close();
    await Promise.all(runners.map((runner) => runner.stop(0)));
    await dispatch.close();
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  });

  it('run from submit to end, and leave nothing behind', async () => {
    const { handler } = await worker('worker-1');
    const { listener } = await submit();
    const run = await started(handler);
    for (const emission of utterance) run.emit(emission);
    await until(() => listener.ends.length > 0);
    expect(listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
    await loadIs(0, 0);
  });

  it('wait for a worker that is not there yet', async () => {
    const { listener } = await submit();
    await loadIs(1, 0);
    const { handler } = await worker('worker-1');
    const run = await started(handler);
    for (const emission of utterance) run.emit(emission);
    await until(() => listener.ends.length > 0);
    expect(listener.ends).toEqual(['end']);
  });

  it('count as load while they wait and while they run, for as long as they do', async () => {
    const { handler } = await worker('worker-1', 2);
    const jobs = [];
    for (const jobClass of ['first', 'rest', 'first', 'rest', 'rest']) jobs.push(await submit(jobClass));
    await loadIs(3, 2);
    await until(() => handler.runs.length === 2);
    for (const { cancel } of jobs) cancel();
    await loadIs(0, 0);
    await until(() => handler.runs.every(({ stopped }) => stopped));
  });

  it('take no more seats than there are, and the next one as soon as one is free', async () => {
    const { handler } = await worker('worker-1', 2);
    const jobs = [await submit(), await submit(), await submit()];
    await started(handler, 2);
    await loadIs(1, 2);
    expect(handler.runs).toHaveLength(2);
    for (const emission of utterance) handler.runs[0]?.emit(emission);
    await started(handler, 3);
    for (const { cancel } of jobs) cancel();
    await loadIs(0, 0);
  });

  it('are deleted when nobody claimed them in time', async () => {
    const impatient = new JobClient(gateway, { gatewayId: 'impatient', lanes, newRequestBudgetMs: 100 });
    await impatient.start();
    const listener = new RecordingListener();
    await impatient.submit(ttsRequest(), listener);
    await until(() => listener.ends.length > 0);
    expect(listener.ends).toEqual(['deadline_exceeded']);
    await loadIs(0, 0);
    await impatient.close();
  });

  it('go on at another worker where one vanished', async () => {
    const lost = await worker('worker-1');
    const { listener } = await submit();
    const run = await started(lost.handler);
    for (const emission of utterance.slice(0, 2)) run.emit(emission);
    await until(() => listener.received.length === 2);
    const next = await worker('worker-2');
    await lost.vanish();
    const again = await started(next.handler);
    expect(again.context).toMatchObject({ attempt: 2, resume: { offsetSamples: 4, durations: [3, 5] } });
    for (const index of [0, 2, 3]) again.emit(utterance[index] ?? { output: { type: 'nothing' } });
    await until(() => listener.ends.length > 0);
    expect(listener.received).toEqual(['plan', 'audio@0', 'plan', 'audio@4']);
    await loadIs(0, 0);
  });

  it('outlive a restart of the server: what runs goes on, what waits is offered again', async () => {
    const { handler } = await worker('worker-1');
    const running = await submit();
    const run = await started(handler);
    run.emit(utterance[0] ?? { output: { type: 'nothing' } });
    await until(() => running.listener.received.length === 1);
    const waiting = await submit('rest');
    await server.kill();
    await until(() => brokers.every((broker) => !broker.connected));
    for (const emission of utterance.slice(1, -1)) run.emit(emission);
    await server.start();
    // An end that nobody confirms in time is another attempt, and how soon the server is back is not what is tested.
    await until(() => brokers.every((broker) => broker.connected));
    for (const emission of utterance.slice(-1)) run.emit(emission);
    await until(() => running.listener.ends.length > 0);
    expect(running.listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
    expect(running.listener.claims).toHaveLength(1);
    const second = await started(handler, 2);
    for (const emission of utterance) second.emit(emission);
    await until(() => waiting.listener.ends.length > 0);
    expect([running, waiting].map(({ listener }) => listener.ends)).toEqual([['end'], ['end']]);
    await loadIs(0, 0);
  });

  it('are handed back in order by a worker that stops', async () => {
    const { handler } = await worker('worker-1');
    const { listener } = await submit();
    await started(handler);
    await runners[0]?.stop(0);
    await until(async () => {
      const { waiting, running } = await lanes.load(ttsLane);
      return waiting + running === 1;
    });
    const next = await worker('worker-2');
    const run = await started(next.handler);
    expect(run.context.attempt).toBe(2);
    for (const emission of utterance) run.emit(emission);
    await until(() => listener.ends.length > 0);
    expect(listener.ends).toEqual(['end']);
  });

  it('stop where they run when they are cancelled, and free the seat', async () => {
    const { handler } = await worker('worker-1');
    const { cancel } = await submit();
    const run = await started(handler);
    cancel();
    await until(() => run.stopped);
    const { listener } = await submit();
    const next = await started(handler, 2);
    for (const emission of utterance) next.emit(emission);
    await until(() => listener.ends.length > 0);
    expect(listener.ends).toEqual(['end']);
  });

  if (name === 'queue') {
    it('have their lane again after a restart, before anybody offers one', async () => {
      await worker('worker-1');
      await server.kill();
      await until(() => brokers.every((broker) => !broker.connected));
      await server.start();
      const connection = await connectNats({ servers: server.url });
      const manager = await jetstreamManager(connection);
      await until(async () => (await manager.streams.names().next()).includes(jetStreamName(ttsLane)));
      await connection.close();
    });
  } else {
    it('go on with a new attempt when the way to their worker breaks, and no crash is counted', async () => {
      const { handler } = await worker('worker-1');
      await worker('worker-2', 1, handler);
      const { listener } = await submit();
      for (const attempt of [1, 2, 3]) {
        const run = await started(handler, attempt);
        expect(run.context.attempt).toBe(attempt);
        dispatch.breakConnections?.();
        await until(() => run.stopped);
      }
      const last = await started(handler, 4);
      for (const emission of utterance) last.emit(emission);
      await until(() => listener.ends.length > 0);
      expect(listener.ends).toEqual(['end']);
    });

    it('leave no stream on the bus', async () => {
      const { handler } = await worker('worker-1');
      const { cancel } = await submit();
      await started(handler);
      cancel();
      const connection = await connectNats({ servers: server.url });
      const names = await (await jetstreamManager(connection)).streams.names().next();
      await connection.close();
      expect(names).toEqual([]);
    });
  }
});
