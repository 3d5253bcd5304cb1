import { performance } from 'node:perf_hooks';
import type { Lane } from '@app/protocol';
import { MemoryBroker, MemoryBus, NatsBroker, type Broker, type Delivery, type JobSource } from '@app/broker';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

/** A kind of bus under test. */
interface Bus {
  start(): Promise<void>;
  client(): Promise<Broker>;
  /** Away and back again without memory; resolves when it is away, then when it is back. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

function memory(): Bus {
  const bus = new MemoryBus();
  return {
    start: () => Promise.resolve(),
    client: () => Promise.resolve(new MemoryBroker(bus)),
    goAway: () => Promise.resolve(bus.stop()),
    comeBack: () => Promise.resolve(bus.start()),
    stop: () => Promise.resolve(),
  };
}

function nats(): Bus {
  const server = new TestNatsServer();
  return {
    start: () => server.start(),
    client: async () => {
      const broker = new NatsBroker({ servers: [server.url], name: 'conformance' });
      await broker.start();
      return broker;
    },
    goAway: () => server.kill(),
    comeBack: () => server.start(),
    stop: () => server.stop(),
  };
}

const longMs = 60_000;
const ackWaitMs = 1_500;
const text = (payload: Uint8Array): string => Buffer.from(payload).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);
const texts = (deliveries: readonly Delivery[]): string[] => deliveries.map((delivery) => text(delivery.payload));
const elapsedMs = async (action: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
};

describe.each([
  ['in memory', memory],
  ['on NATS', nats],
])('A broker %s', (_name, make) => {
  const bus = make();
  const clients: Broker[] = [];
  let lane: Lane;
  let lanes = 0;
  let gateway: Broker;
  let worker: Broker;

  const client = async (): Promise<Broker> => {
    const broker = await bus.client();
    clients.push(broker);
    return broker;
  };
  const offer = (value: string, jobClass = 'first', ttlMs = longMs): Promise<number> =>
    gateway.publishJob(lane, jobClass, bytes(value), ttlMs);

  beforeAll(() => bus.start());
  afterAll(() => bus.stop());
  beforeEach(async () => {
    lane = { kind: 'tts', model: `model-${(lanes += 1)}` };
    gateway = await client();
    worker = await client();
    await gateway.ensureLane(lane);
  });
  afterEach(() => Promise.all(clients.splice(0).map((broker) => broker.close())));

  it('says of many jobs at once which are not there any more', async () => {
    const source = await worker.openSource(lane, 'first');
    const sequences = [];
    for (const value of ['ended', 'held', 'deleted', 'waits']) sequences.push(await offer(value));
    const rest = await offer('another class', 'rest');
    const [ended, , deleted] = sequences;
    const delivered = await source.pull(3, longMs);
    delivered[0]?.term();
    await worker.flush();
    await gateway.deleteJob(lane, deleted ?? 0);
    await until(async () => !(await gateway.hasJob(lane, ended ?? 0)));
    const jobs = [
      ...sequences.map((sequence) => ({ jobClass: 'first', sequence })),
      { jobClass: 'rest', sequence: rest },
    ];
    expect(await gateway.lostJobs(lane, jobs)).toEqual([ended, deleted]);
    const unknown = { ...lane, model: `${lane.model}-unknown` };
    expect(await gateway.lostJobs(unknown, jobs)).toHaveLength(jobs.length);
  });

  describe('delivers jobs', () => {
    let source: JobSource;
    beforeEach(async () => {
      source = await worker.openSource(lane, 'first');
    });

    it('that wait, in order, at most as many as asked for', async () => {
      for (const value of ['a', 'b', 'c']) await offer(value);
      expect(texts(await source.pull(2, 0))).toEqual(['a', 'b']);
      expect(texts(await source.pull(2, 0))).toEqual(['c']);
      expect(await source.pull(2, 0)).toEqual([]);
    });

    it('that come while a pull waits, at once', async () => {
      const pulled = source.pull(4, longMs);
      await gateway.flush();
      const sequence = await offer('a');
      const [delivery, ...others] = await pulled;
      expect(others).toEqual([]);
      expect(delivery).toMatchObject({ sequence });
    });

    it('with the headers that they were offered with, and no others', async () => {
      await gateway.publishJob(lane, 'first', bytes('a'), longMs, { traceparent: '00-1-2-01' });
      await offer('b');
      const [traced, plain] = await source.pull(2, 0);
      expect(traced?.headers).toEqual({ traceparent: '00-1-2-01' });
      expect(plain?.headers).toEqual({});
    });

    it('of the class asked for only', async () => {
      await offer('later', 'rest');
      expect(await source.pull(1, 0)).toEqual([]);
      expect(texts(await (await worker.openSource(lane, 'rest')).pull(1, 0))).toEqual(['later']);
    });

    it('never, when none comes in time', async () => {
      expect(await elapsedMs(async () => expect(await source.pull(1, 200)).toEqual([]))).toBeGreaterThanOrEqual(190);
    });

    it('each to one worker', async () => {
      const other = await (await client()).openSource(lane, 'first');
      for (let index = 0; index < 20; index += 1) await offer(String(index));
      const both = await Promise.all([source.pull(12, 0), other.pull(12, 0)]);
      expect(both.flat().length).toBe(20);
      expect(new Set(texts(both.flat())).size).toBe(20);
    });

    it('to the next pull, when a waiting one was interrupted', async () => {
      const pulled = source.pull(1, longMs);
      await gateway.flush();
      source.interrupt();
      expect(await pulled).toEqual([]);
      const sequence = await offer('a');
      expect(await source.pull(1, 0)).toMatchObject([{ sequence }]);
    });

    it('on their way to an interrupted pull, to that pull', async () => {
      for (let round = 0; round < 20; round += 1) {
        const pulled = source.pull(1, longMs);
        const offered = offer(String(round));
        source.interrupt();
        const sequence = await offered;
        const delivered = await pulled;
        // The server learns of a stored job a moment later. One that was lost on its way comes again after 1.5 s only.
        const deliveries = delivered.length > 0 ? delivered : await source.pull(1, 1_000);
        expect(deliveries).toMatchObject([{ sequence }]);
        deliveries[0]?.ack();
      }
    });

    it('no more, once closed', async () => {
      const pulled = source.pull(1, longMs);
      source.close();
      expect(await pulled).toEqual([]);
      await offer('a');
      expect(await source.pull(1, longMs)).toEqual([]);
    });
  });

  describe('keeps jobs', () => {
    let source: JobSource;
    const next = async (waitMs = longMs): Promise<Delivery> => {
      const [delivery] = await source.pull(1, waitMs);
      if (!delivery) throw new Error('no job came');
      return delivery;
    };
    beforeEach(async () => {
      source = await worker.openSource(lane, 'first');
    });

    it('until they are acked or terminated', async () => {
      const places = [await offer('a'), await offer('b')];
      (await next()).ack();
      (await next()).term();
      await worker.flush();
      await until(async () => (await gateway.load(lane)).running === 0);
      for (const place of places) expect(await gateway.hasJob(lane, place)).toBe(false);
    });

    it('that are handed back, and delivers them at once', async () => {
      const sequence = await offer('a');
      (await next()).nak();
      expect(await next(1_000)).toMatchObject({ sequence });
    });

    it('that are handed back with a delay for that long', async () => {
      const sequence = await offer('a');
      (await next()).nak(400);
      await worker.flush();
      const waitedMs = await elapsedMs(async () => expect(await next()).toMatchObject({ sequence }));
      expect(waitedMs).toBeGreaterThan(300);
      expect(waitedMs).toBeLessThan(ackWaitMs);
    });

    it('of a worker that fell silent, and delivers them again after the ack wait', async () => {
      const sequence = await offer('a');
      await next();
      const waitedMs = await elapsedMs(async () => expect(await next()).toMatchObject({ sequence }));
      expect(waitedMs).toBeGreaterThan(ackWaitMs - 200);
      expect(waitedMs).toBeLessThan(2 * ackWaitMs);
    });

    it('of a worker that vanished', async () => {
      const sequence = await offer('a');
      const doomed = await client();
      expect(await (await doomed.openSource(lane, 'first')).pull(1, longMs)).toHaveLength(1);
      await doomed.close();
      expect(await next()).toMatchObject({ sequence });
    });

    it('with their worker while it says that it works', async () => {
      await offer('a');
      const held = await next();
      const working = setInterval(() => held.working(), 400);
      expect(await source.pull(1, 2 * ackWaitMs)).toEqual([]);
      clearInterval(working);
    });

    it('only until a late ack of a former holder', async () => {
      const place = await offer('a');
      const former = await next();
      await next();
      former.ack();
      await worker.flush();
      await until(async () => !(await gateway.hasJob(lane, place)));
    });

    it('no longer than their life, waiting or held', async () => {
      const places = [await offer('held', 'first', 1_000), await offer('waiting', 'first', 1_000)];
      const held = await next();
      const working = setInterval(() => held.working(), 400);
      for (const place of places) expect(await gateway.hasJob(lane, place)).toBe(true);
      await until(async () => !(await gateway.hasJob(lane, places[0] ?? 0)));
      await until(async () => !(await gateway.hasJob(lane, places[1] ?? 0)));
      clearInterval(working);
      expect(await source.pull(1, 0)).toEqual([]);
    });

    it('and counts those that wait and those that are held as its load', async () => {
      for (const value of ['a', 'b', 'c']) await offer(value);
      await offer('d', 'rest');
      await next();
      expect(await gateway.load(lane)).toEqual({ waiting: 3, running: 1 });
    });

    it('and counts those that were handed back as held', async () => {
      await offer('a');
      (await next()).nak();
      await worker.flush();
      expect(await gateway.load(lane)).toEqual({ waiting: 0, running: 1 });
    });

    it('unless they are deleted, waiting or held', async () => {
      const [held, waiting] = [await offer('held'), await offer('waiting')];
      const delivery = await next();
      expect(await gateway.deleteJob(lane, held)).toBe(true);
      expect(await gateway.deleteJob(lane, waiting)).toBe(true);
      expect(await gateway.deleteJob(lane, waiting)).toBe(false);
      expect(await gateway.load(lane)).toEqual({ waiting: 0, running: 0 });
      delivery.nak();
      expect(await source.pull(1, 300)).toEqual([]);
    });

    it('up to a bound, and then refuses more', async () => {
      const bound = 1_200;
      await Promise.all(Array.from({ length: bound }, (_, index) => offer(String(index), 'rest')));
      await expect(offer('one too many')).rejects.toMatchObject({ code: 'worker_unavailable' });
      expect(await gateway.load(lane)).toEqual({ waiting: bound, running: 0 });
    });
  });

  describe('carries messages', () => {
    it('to all subscribers of a subject, in order', async () => {
      const heard: string[] = [];
      const subject = `${lane.model}.a.b`;
      for (const pattern of [
        subject,
        `${lane.model}.*.b`,
        `${lane.model}.>`,
        `${lane.model}.*`,
        `${lane.model}.a.b.>`,
      ]) {
        worker.subscribe(pattern, (payload, from) => heard.push(`${pattern} ${from} ${text(payload)}`));
      }
      await worker.flush();
      gateway.publish(subject, bytes('1'));
      gateway.publish(subject, bytes('2'));
      await gateway.flush();
      await until(() => Promise.resolve(heard.length >= 6));
      const byPattern = (pattern: string) => heard.filter((line) => line.startsWith(`${pattern} `));
      expect(heard).toHaveLength(6);
      expect(byPattern(`${lane.model}.>`)).toEqual([1, 2].map((n) => `${lane.model}.> ${subject} ${n}`));
    });

    it('no more after unsubscribing', async () => {
      const heard: string[] = [];
      const subscription = worker.subscribe(`${lane.model}.x`, (payload) => heard.push(text(payload)));
      const ended = worker.subscribe(`${lane.model}.end`, () => heard.push('end'));
      await worker.flush();
      subscription.unsubscribe();
      await worker.flush();
      gateway.publish(`${lane.model}.x`, bytes('1'));
      gateway.publish(`${lane.model}.end`, bytes(''));
      await until(() => Promise.resolve(heard.includes('end')));
      ended.unsubscribe();
      expect(heard).toEqual(['end']);
    });

    it('and brings back the answer to a request', async () => {
      worker.subscribe(`${lane.model}.ask`, (payload, _subject, reply) => reply?.(bytes(`${text(payload)}!`)));
      await worker.flush();
      expect(text((await gateway.request(`${lane.model}.ask`, bytes('hello'), longMs)) ?? bytes(''))).toBe('hello!');
    });

    it('and says soon that nobody is there to answer', async () => {
      const waitedMs = await elapsedMs(async () =>
        expect(await gateway.request(`${lane.model}.nobody`, bytes(''), longMs)).toBeUndefined(),
      );
      expect(waitedMs).toBeLessThan(longMs / 10);
    });

    it('and gives up on an answer after the time-out', async () => {
      worker.subscribe(`${lane.model}.silent`, () => undefined);
      await worker.flush();
      expect(await gateway.request(`${lane.model}.silent`, bytes(''), 100)).toBeUndefined();
    });
  });

  describe('outlives an outage', () => {
    const connection = async (broker: Broker, connected: boolean): Promise<void> => {
      if (broker.connected === connected) return;
      await new Promise<void>((resolve) => {
        const subscription = broker.onConnectionChange((now) => {
          if (now !== connected) return;
          subscription.unsubscribe();
          resolve();
        });
      });
    };

    it('that cost the server its memory', async () => {
      const source = await worker.openSource(lane, 'first');
      const heard: string[] = [];
      worker.subscribe(`${lane.model}.after`, (payload) => heard.push(text(payload)));
      const before = await offer('lost');
      const pulled = (await source.pull(1, longMs)).length;
      const waiting = source.pull(1, longMs);
      await bus.goAway();
      await Promise.all([connection(gateway, false), connection(worker, false)]);
      expect(await waiting).toEqual([]);
      await bus.comeBack();
      await Promise.all([connection(gateway, true), connection(worker, true)]);

      expect(pulled).toBe(1);
      expect(await gateway.lostJobs(lane, [{ jobClass: 'first', sequence: before }])).toEqual([before]);
      expect(await gateway.hasJob(lane, before)).toBe(false);
      expect(await gateway.deleteJob(lane, before)).toBe(false);
      const after = await offer('found');
      expect(after).toBeGreaterThan(before);
      let found: Delivery[] = [];
      await until(async () => (found = await source.pull(1, 1_000)).length > 0);
      expect(texts(found)).toEqual(['found']);
      gateway.publish(`${lane.model}.after`, bytes('again'));
      await until(() => Promise.resolve(heard.length > 0));
    });

    it('and refuses jobs while it is cut off', async () => {
      await bus.goAway();
      await connection(gateway, false);
      await expect(offer('a')).rejects.toMatchObject({ code: 'bus_unavailable' });
      await bus.comeBack();
      await Promise.all([connection(gateway, true), connection(worker, true)]);
    });
  });
});
