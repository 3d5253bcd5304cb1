import { encodeFrame, subjects } from '@app/protocol';
import { MemoryBroker, MemoryBus } from '../memory';
import { HandWorker } from '../testing/hand-worker';
import { audio, credit, plan, sttLane, sttRequest, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { JobClient } from './job-client';
import type { JobHandle, JobRequest } from './job-contract';

const waitBudgetMs = 8_000;
const ackWaitMs = 1_500;

describe('JobClient', () => {
  let bus: MemoryBus;
  let client: JobClient;
  let listener: RecordingListener;
  let first: HandWorker;
  let second: HandWorker;
  const logged: string[] = [];

  const pass = (timeMs: number): Promise<void> => jest.advanceTimersByTimeAsync(timeMs);
  const submit = async (request: JobRequest = ttsRequest()): Promise<JobHandle> => {
    const submitted = client.submit(request, listener);
    await pass(0);
    return submitted;
  };
  const load = () => new MemoryBroker(bus).load(ttsLane);
  const types = (worker: HandWorker): string[] => worker.received.map(({ type }) => type);

  beforeEach(async () => {
    jest.useFakeTimers();
    bus = new MemoryBus();
    logged.length = 0;
    const log = { error: (message: string) => void logged.push(message) };
    client = new JobClient(new MemoryBroker(bus), { gatewayId: 'gateway', waitBudgetMs, log });
    await client.start();
    listener = new RecordingListener();
    first = new HandWorker(new MemoryBroker(bus), 'worker-1');
    second = new HandWorker(new MemoryBroker(bus), 'worker-2');
  });
  afterEach(async () => {
    await client.close();
    jest.useRealTimers();
  });

  describe('while a job waits', () => {
    it('counts it as active, at attempt 0', async () => {
      const handle = await submit();
      expect(handle.attempt).toBe(0);
      expect(handle.jobId).toMatch(/^[\w-]{22}$/);
      expect(client.activeJobs).toBe(1);
    });

    it('answers a claim with the first attempt and where the listener wants to begin', async () => {
      listener.resume = () => ({ offsetSamples: 40, durations: [1, 2] });
      const handle = await submit();
      await pass(300);
      const { grant } = await first.hold(ttsLane, 'first');
      expect(grant).toEqual({ attempt: 1, offsetSamples: 40, durations: [1, 2], waitedMs: 300 });
      expect(listener.claims).toEqual([{ attempt: 1, workerId: 'worker-1', waitedMs: 300 }]);
      expect(handle.attempt).toBe(1);
    });

    it('says that unknown jobs are gone', async () => {
      await submit();
      const delivery = await first.pull(ttsLane, 'first');
      await client.close();
      const other = new JobClient(new MemoryBroker(bus), { gatewayId: 'gateway' });
      await other.start();
      expect(delivery && (await first.claim(delivery))).toEqual({ gone: true });
      await other.close();
    });

    it('says that a copy at another place is gone', async () => {
      await submit();
      const delivery = await first.pull(ttsLane, 'first');
      expect(delivery && (await first.claim(delivery, delivery.sequence + 1))).toEqual({ gone: true });
      expect(listener.claims).toEqual([]);
    });

    it('grants nothing before the listener has its handle', async () => {
      let handle: JobHandle | undefined;
      const sees: boolean[] = [];
      listener.resume = () => {
        sees.push(handle !== undefined);
        return { offsetSamples: 0 };
      };
      const pulled = (await first.broker.openSource(ttsLane, 'first')).pull(1, 60_000);
      const claimed = pulled.then(([delivery]) => delivery && first.claim(delivery));
      void client.submit(ttsRequest(), listener).then((submitted) => (handle = submitted));
      await pass(10);
      await claimed;
      expect(sees).toEqual([true]);
    });

    it('ends it with deadline_exceeded when its wait budget is over, and removes it', async () => {
      await submit();
      await pass(waitBudgetMs - 1);
      expect(listener.ends).toEqual([]);
      await pass(1);
      expect(listener.ends).toEqual(['deadline_exceeded']);
      expect(listener.problem?.retryAfterSeconds).toBe(8);
      expect(client.activeJobs).toBe(0);
      await pass(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
    });

    it('removes it when cancelled, and tells the listener nothing', async () => {
      const handle = await submit();
      handle.cancel('test');
      await pass(waitBudgetMs);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(listener.ends).toEqual([]);
      expect(client.activeJobs).toBe(0);
    });

    it('refuses the claim of a worker that got it just before it was cancelled', async () => {
      const handle = await submit();
      const delivery = await first.pull(ttsLane, 'first');
      handle.cancel('test');
      expect(delivery && (await first.claim(delivery))).toEqual({ gone: true });
      expect(listener.claims).toEqual([]);
    });

    it('refuses to submit while the bus is away', async () => {
      bus.stop();
      const refused = expect(client.submit(ttsRequest(), listener)).rejects.toMatchObject({ code: 'bus_unavailable' });
      await pass(0);
      await refused;
      expect(client.activeJobs).toBe(0);
      await pass(waitBudgetMs);
      expect(listener.ends).toEqual([]);
    });

    it('publishes it again as soon as a server that lost it is back', async () => {
      await submit();
      bus.stop();
      await pass(1_000);
      bus.start();
      await pass(0);
      const { grant } = await first.hold(ttsLane, 'first');
      expect(grant.attempt).toBe(1);
    });

    it('publishes it again when it vanished from the bus unseen', async () => {
      await submit();
      const delivery = await first.pull(ttsLane, 'first');
      delivery?.term();
      await pass(3_500);
      expect((await first.hold(ttsLane, 'first')).grant.attempt).toBe(1);
    });

    it('publishes it once while it is on the bus', async () => {
      await submit();
      await pass(waitBudgetMs - 100);
      expect(await load()).toEqual({ waiting: 1, running: 0 });
    });
  });

  describe('while a job runs', () => {
    it('passes outputs on in order, with their bodies, and then the end', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [1, audio(0), Buffer.from('0123')]);
      expect(listener.told).toEqual(['plan', 'audio@0']);
      expect(listener.bodies[1]?.toString()).toBe('0123');
      expect(await job.terminal({ sequence: 2, output: ttsEnd })).toBe('taken');
      expect(listener.ends).toEqual(['end']);
      expect(client.activeJobs).toBe(0);
    });

    it('passes on the problem that a worker ends it with', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      const problem = { code: 'voice_not_found', detail: 'No such voice.' };
      expect(await job.terminal({ sequence: 0, problem })).toBe('taken');
      expect(listener.problem).toMatchObject({ code: 'voice_not_found', detail: 'No such voice.' });
    });

    it('drops outputs that came before, and those of strangers', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [0, plan]);
      const { gatewayId, jobId } = job.address;
      const strange = { workerId: 'worker-2', attempt: 1, sequence: 1, output: audio(0) };
      second.broker.publish(subjects.output(gatewayId, jobId), encodeFrame(strange));
      second.broker.publish(subjects.output(gatewayId, jobId), Buffer.from('no frame at all'));
      await pass(0);
      expect(listener.told).toEqual(['plan']);
    });

    it('asks for outputs that were lost, and takes nothing before they came', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [2, audio(4)]);
      expect(listener.told).toEqual(['plan']);
      expect(first.received).toMatchObject([{ type: 'resume', sequence: 1, attempt: 1 }]);
      await job.outputs([1, audio(0)], [2, audio(4)]);
      expect(listener.told).toEqual(['plan', 'audio@0', 'audio@4']);
      await pass(2_500);
      expect(types(first)).toEqual(['resume']);
    });

    it('asks again while the answer to a resume is lost as well', async () => {
      await submit();
      await (await first.hold(ttsLane, 'first')).outputs([1, audio(0)]);
      await pass(500);
      expect(types(first)).toEqual(['resume', 'resume', 'resume']);
    });

    it('asks for last outputs that only a beat betrays', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan]);
      await first.beat(job.held(1));
      expect(types(first)).toEqual([]);
      await first.beat(job.held(3));
      expect(first.received).toMatchObject([{ type: 'resume', sequence: 1 }]);
    });

    it('does not take an end before the outputs in front of it', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      expect(await job.terminal({ sequence: 1, output: ttsEnd })).toBeUndefined();
      expect(listener.ends).toEqual([]);
      await job.outputs([0, plan]);
      expect(await job.terminal({ sequence: 1, output: ttsEnd })).toBe('taken');
    });

    it('starts a new attempt from a fresh copy when a gap stays open', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [2, audio(4)]);
      await pass(1_000);
      expect(first.received.at(-1)).toMatchObject({ type: 'cancel', attempt: 1, superseded: true });
      const again = await second.hold(ttsLane, 'first');
      expect(again.grant).toMatchObject({ attempt: 2, durations: plan.type === 'plan' ? plan.durations : [] });
      expect(again.delivery.sequence).toBeGreaterThan(job.delivery.sequence);
      expect(await first.claim(job.delivery)).toEqual({ gone: true });
      await again.outputs([0, plan], [1, audio(0)]);
      expect(listener.told).toEqual(['plan', 'plan', 'audio@0']);
    });

    it('sends inputs to the holder, numbered from 0 in each attempt, those sent in the claim first', async () => {
      const handle = await submit(sttRequest());
      handle.send({ type: 'audio', offsetSamples: 0 });
      let offset = 100;
      listener.resume = () => {
        queueMicrotask(() => handle.send({ type: 'audio', offsetSamples: offset++ }));
        return { offsetSamples: 0 };
      };
      const job = await first.hold(sttLane, 'open');
      handle.send({ type: 'close' });
      await pass(0);
      expect(first.received).toMatchObject([
        { type: 'input', attempt: 1, sequence: 0, input: { type: 'audio', offsetSamples: 100 } },
        { type: 'input', attempt: 1, sequence: 1, input: { type: 'close' } },
      ]);
      expect(await job.terminal({ sequence: 0, handBack: 'ordered' })).toBe('taken');
      handle.send({ type: 'close' });
      job.delivery.nak();
      await second.hold(sttLane, 'open');
      expect(second.received).toMatchObject([{ attempt: 2, sequence: 0, input: { offsetSamples: 101 } }]);
      expect(types(first)).toEqual(['input', 'input']);
    });

    it('tells the worker each second how many inputs there were', async () => {
      const handle = await submit(sttRequest());
      const job = await first.hold(sttLane, 'open');
      handle.send({ type: 'close' });
      await pass(1_000);
      expect(first.received.at(-1)).toMatchObject({ type: 'count', sequence: 1, attempt: 1 });
      await job.terminal({ sequence: 0, handBack: 'ordered' });
    });

    it('tells the worker when it is cancelled, removes it, and takes no further output', async () => {
      const handle = await submit();
      const job = await first.hold(ttsLane, 'first');
      handle.cancel('client left');
      await job.outputs([0, plan]);
      expect(first.received).toMatchObject([{ type: 'cancel', attempt: 1, reason: 'client left' }]);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(await job.terminal({ sequence: 1, output: ttsEnd })).toBe('gone');
      await pass(waitBudgetMs);
      expect([listener.outputs, listener.ends]).toEqual([[], []]);
    });

    it('ends the job alone whose listener throws', async () => {
      listener.onOutput = () => {
        throw new Error('bug');
      };
      await submit();
      const job = await first.hold(ttsLane, 'first');
      const other = new RecordingListener();
      void client.submit(ttsRequest('rest'), other);
      await pass(0);
      await job.outputs([0, plan]);
      expect(listener.ends).toEqual(['internal']);
      expect(types(first)).toEqual(['cancel']);
      expect(logged).toEqual(['job listener failed']);
      expect(client.activeJobs).toBe(1);
    });

    it('tells a worker to drop what it should not hold', async () => {
      const handle = await submit();
      const job = await first.hold(ttsLane, 'first');
      await first.beat({ ...job.held(0), attempt: 7 });
      expect(first.received).toMatchObject([{ type: 'cancel', attempt: 7, superseded: true }]);
      handle.cancel('test');
      await pass(0);
      await first.beat(job.held(0), { ...job.held(0), gatewayId: 'other' });
      expect(first.received.slice(2)).toMatchObject([{ type: 'cancel', attempt: 1, superseded: false }]);
    });
  });

  describe('when a worker is lost', () => {
    it('goes on with the next at the sample that is still needed', async () => {
      await submit();
      const lost = await first.hold(ttsLane, 'first');
      await lost.outputs([0, plan], [1, audio(0), Buffer.alloc(16)]);
      await pass(ackWaitMs);
      const next = await second.hold(ttsLane, 'first');
      expect(next.grant).toMatchObject({ attempt: 2, offsetSamples: 4, durations: [3, 5] });
      expect(first.received).toMatchObject([{ type: 'cancel', attempt: 1, superseded: true }]);

      await lost.outputs([2, audio(4), Buffer.alloc(16)]);
      expect(await lost.terminal({ sequence: 3, output: ttsEnd })).toBe('stale');
      await next.outputs([0, plan], [1, audio(4), Buffer.alloc(16)]);
      expect(await next.terminal({ sequence: 2, output: ttsEnd })).toBe('taken');
      expect(listener.told).toEqual(['plan', 'audio@0', 'plan', 'audio@4']);
      expect(listener.ends).toEqual(['end']);
    });

    it('gives the job up after the second crash', async () => {
      await submit();
      await first.hold(ttsLane, 'first');
      await pass(ackWaitMs);
      await second.hold(ttsLane, 'first');
      await pass(ackWaitMs);
      const third = new HandWorker(new MemoryBroker(bus), 'worker-3');
      const delivery = await third.pull(ttsLane, 'first');
      expect(delivery && (await third.claim(delivery))).toEqual({ gone: true });
      expect(listener.ends).toEqual(['job_quarantined']);
      await pass(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
    });

    it('does not count hand-backs in good order', async () => {
      await submit();
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const job = await first.hold(ttsLane, 'first');
        expect(job.grant.attempt).toBe(attempt);
        expect(await job.terminal({ sequence: 0, handBack: 'ordered' })).toBe('taken');
        job.delivery.nak();
      }
      expect(listener.ends).toEqual([]);
    });

    it.each([
      ['internal', 'job_quarantined'],
      ['worker_unavailable', 'job_quarantined'],
      ['artifact_unavailable', 'artifact_unavailable'],
    ])('ends it when two attempts failed with %s as %s', async (code, ends) => {
      await submit();
      for (const worker of [first, second]) {
        const job = await worker.hold(ttsLane, 'first');
        expect(await job.terminal({ sequence: 0, handBack: 'failed', problem: { code } })).toBe('taken');
        job.delivery.nak();
      }
      expect(listener.ends).toEqual([ends]);
      await pass(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
    });

    it('does not take a worker that claims again for one that crashed', async () => {
      await submit();
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        expect((await first.hold(ttsLane, 'first')).grant.attempt).toBe(attempt);
        await pass(ackWaitMs);
      }
      expect(listener.ends).toEqual([]);
    });

    it('gives the job a new wait budget', async () => {
      await submit();
      await pass(waitBudgetMs - 10);
      const job = await first.hold(ttsLane, 'first');
      await job.terminal({ sequence: 0, handBack: 'ordered' });
      job.delivery.nak(60_000);
      await pass(waitBudgetMs - 10);
      expect(listener.ends).toEqual([]);
      await pass(10);
      expect(listener.ends).toEqual(['deadline_exceeded']);
    });

    it('publishes the job again when its message is lost too', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      job.delivery.term();
      await pass(5_000);
      expect((await second.hold(ttsLane, 'first')).grant.attempt).toBe(2);
    });

    it('leaves it where it is while the worker beats and names it', async () => {
      await submit(sttRequest());
      const job = await first.hold(sttLane, 'open');
      job.delivery.term();
      for (let second = 0; second < 10; second += 1) {
        await first.beat(job.held(0));
        await pass(1_000);
      }
      expect(client.activeJobs).toBe(1);
      expect(await second.pull(sttLane, 'open')).toBeUndefined();
    });

    it('does not believe a worker that beats but has forgotten the job', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      const working = setInterval(() => job.delivery.working(), 500);
      for (let beat = 0; beat < 5; beat += 1) {
        await first.beat();
        await pass(1_000);
      }
      clearInterval(working);
      expect((await second.hold(ttsLane, 'first')).grant.attempt).toBe(2);
    });

    it('does not take an outage of the bus for the loss of every worker', async () => {
      await submit(sttRequest());
      const job = await first.hold(sttLane, 'open');
      await job.outputs([0, credit(0)]);
      bus.stop();
      await pass(10_000);
      bus.start();
      await first.beat(job.held(2));
      await job.outputs([1, credit(5)]);
      expect(listener.told).toEqual(['credit', 'credit']);
      expect(client.activeJobs).toBe(1);
    });
  });

  it('cancels what is left when it closes', async () => {
    await submit();
    await first.hold(ttsLane, 'first');
    void client.submit(ttsRequest('rest'), new RecordingListener());
    await pass(0);
    await client.close();
    await pass(0);
    expect(types(first)).toEqual(['cancel']);
    expect(await load()).toEqual({ waiting: 0, running: 0 });
    expect(client.activeJobs).toBe(0);
  });
});
