import { encodeFrame, ProblemError, subjects } from '@app/protocol';
import { MemoryBroker, type MemoryBus } from '../memory';
import { ClientBench, typesSentTo, waitBudgetMs } from '../testing/client-bench';
import type { HandWorker } from '../testing/hand-worker';
import { audio, plan, sttLane, sttRequest, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { JobClient } from './job-client';
import type { JobHandle, JobRequest } from './job-contract';

describe('JobClient', () => {
  let bench: ClientBench;
  let bus: MemoryBus;
  let client: JobClient;
  let listener: RecordingListener;
  let first: HandWorker;
  let second: HandWorker;
  const pass = (timeMs: number): Promise<void> => jest.advanceTimersByTimeAsync(timeMs);
  const submit = (request?: JobRequest): Promise<JobHandle> => bench.submit(request);

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new ClientBench();
    ({ bus, client, listener, first, second } = bench);
    await client.start();
  });
  afterEach(async () => {
    await client.close();
    jest.useRealTimers();
  });

  describe('while a job waits', () => {
    it('counts it as active', async () => {
      await submit();
      expect(client.activeJobs).toBe(1);
    });

    it('answers a claim with the first attempt and where the listener wants to begin', async () => {
      listener.resume = () => ({ offsetSamples: 40, durations: [1, 2] });
      await submit();
      await pass(300);
      const { grant } = await first.hold(ttsLane, 'first');
      expect(grant).toEqual({ attempt: 1, resume: { offsetSamples: 40, durations: [1, 2] }, waitedMs: 300 });
      expect(listener.claims).toEqual([{ attempt: 1, waitedMs: 300 }]);
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

    it('says that a copy with another sequence is gone', async () => {
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
      const caller = async (): Promise<void> => {
        const submitted = await client.submit(ttsRequest(), listener);
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        handle = submitted;
      };
      void caller();
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
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    });

    it('removes it when cancelled, and tells the listener nothing', async () => {
      const handle = await submit();
      handle.cancel('test');
      await pass(waitBudgetMs);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
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

    it('tries again while the bus refuses it in passing, as in the election of a leader', async () => {
      bench.refuse = 4;
      const handle = client.submit(ttsRequest(), listener);
      await pass(3_000);
      await handle;
      expect((await first.hold(ttsLane, 'first')).grant.attempt).toBe(1);
    });

    it('gives up to publish it when its wait budget is over, and tells the listener nothing', async () => {
      bench.refuse = Infinity;
      const refused = expect(client.submit(ttsRequest(), listener)).rejects.toMatchObject({ code: 'bus_unavailable' });
      await pass(waitBudgetMs);
      await refused;
      const { refused: asked } = bench;
      await pass(waitBudgetMs);
      expect([bench.refused, client.activeJobs, listener.ends]).toEqual([asked, 0, []]);
    });

    it('refuses it at once when too many wait', async () => {
      bench.refusal = new ProblemError('worker_unavailable');
      bench.refuse = 1;
      await expect(client.submit(ttsRequest(), listener)).rejects.toMatchObject({ code: 'worker_unavailable' });
      expect(bench.refused).toBe(1);
    });

    it('asks the bus once for all that wait in a lane whether they are still there', async () => {
      for (let count = 0; count < 50; count += 1) {
        void client.submit(ttsRequest('rest'), new RecordingListener());
        await pass(0);
      }
      await pass(10_000);
      expect(bench.asked).toBeGreaterThan(2);
      expect(bench.asked).toBeLessThanOrEqual(6);
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
      expect(await bench.load()).toEqual({ waiting: 1, running: 0 });
    });
  });

  describe('while a job runs', () => {
    it('passes outputs on in order, with their bodies, and then the end', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [1, audio(0), Buffer.from('0123')]);
      expect(listener.received).toEqual(['plan', 'audio@0']);
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
      expect(listener.received).toEqual(['plan']);
    });

    it('asks for outputs that were lost, and takes nothing before they came', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan], [2, audio(4)]);
      expect(listener.received).toEqual(['plan']);
      expect(first.received).toMatchObject([{ type: 'resume', sequence: 1, attempt: 1 }]);
      await job.outputs([1, audio(0)], [2, audio(4)]);
      expect(listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
      await pass(2_500);
      expect(typesSentTo(first)).toEqual(['resume']);
    });

    it('asks again while the answer to a resume is lost as well', async () => {
      await submit();
      await (await first.hold(ttsLane, 'first')).outputs([1, audio(0)]);
      await pass(500);
      expect(typesSentTo(first)).toEqual(['resume', 'resume', 'resume']);
    });

    it('asks for last outputs that only a heartbeat betrays', async () => {
      await submit();
      const job = await first.hold(ttsLane, 'first');
      await job.outputs([0, plan]);
      await first.sendHeartbeat(job.held(1));
      expect(typesSentTo(first)).toEqual([]);
      await first.sendHeartbeat(job.held(3));
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
      expect(again.grant).toMatchObject({
        attempt: 2,
        resume: { durations: plan.type === 'plan' ? plan.durations : [] },
      });
      expect(again.delivery.sequence).toBeGreaterThan(job.delivery.sequence);
      expect(await first.claim(job.delivery)).toEqual({ gone: true });
      await again.outputs([0, plan], [1, audio(0)]);
      expect(listener.received).toEqual(['plan', 'plan', 'audio@0']);
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
      expect(typesSentTo(first)).toEqual(['input', 'input']);
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
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
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
      expect(typesSentTo(first)).toEqual(['cancel']);
      expect(bench.logged).toEqual(['job listener failed']);
      expect(client.activeJobs).toBe(1);
    });

    it('tells a worker to drop what it should not hold', async () => {
      const handle = await submit();
      const job = await first.hold(ttsLane, 'first');
      await first.sendHeartbeat({ ...job.held(0), attempt: 7 });
      expect(first.received).toMatchObject([{ type: 'cancel', attempt: 7, superseded: true }]);
      handle.cancel('test');
      await pass(0);
      await first.sendHeartbeat(job.held(0), { ...job.held(0), gatewayId: 'other' });
      expect(first.received.slice(2)).toMatchObject([{ type: 'cancel', attempt: 1, superseded: false }]);
    });
  });

  it('cancels what is left when it closes', async () => {
    await submit();
    await first.hold(ttsLane, 'first');
    void client.submit(ttsRequest('rest'), new RecordingListener());
    await pass(0);
    await client.close();
    await pass(0);
    expect(typesSentTo(first)).toEqual(['cancel']);
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    expect(client.activeJobs).toBe(0);
  });
});
