import { functionOf, type TtsOutput } from '@app/protocol';
import type { MemoryBus } from '../memory';
import { ClientBench, waitBudgetMs } from '../testing/client-bench';
import type { HandWorker } from '../testing/hand-worker';
import { audio, credit, plan, sttLane, sttRequest, ttsEnd, ttsLane } from '../testing/jobs';
import type { RecordingListener } from '../testing/recording-listener';
import type { JobClient } from './job-client';
import type { JobHandle, JobRequest } from './job-contract';

const ackWaitMs = 1_500;

describe('A job whose worker is lost', () => {
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

  it('goes on with the next at the sample that is still needed', async () => {
    await submit();
    const lost = await first.hold(ttsLane, 'first');
    await lost.outputs([0, plan], [1, audio(0), Buffer.alloc(16)]);
    await pass(ackWaitMs);
    const next = await second.hold(ttsLane, 'first');
    expect(next.grant).toMatchObject({ attempt: 2, resume: { offsetSamples: 4, durations: [3, 5] } });
    expect(first.received).toMatchObject([{ type: 'cancel', attempt: 1, superseded: true }]);

    await lost.outputs([2, audio(4), Buffer.alloc(16)]);
    expect(await lost.terminal({ sequence: 3, output: ttsEnd })).toBe('stale');
    await next.outputs([0, plan], [1, audio(4), Buffer.alloc(16)]);
    expect(await next.terminal({ sequence: 2, output: ttsEnd })).toBe('taken');
    expect(listener.received).toEqual(['plan', 'audio@0', 'plan', 'audio@4']);
    expect(listener.ends).toEqual(['end']);
  });

  const silent = async (workers: number): Promise<void> => {
    for (let index = 0; index < workers; index += 1) {
      await bench.worker(`silent-${index}`).hold(ttsLane, 'first');
      await pass(ackWaitMs);
    }
  };
  const fail = async (
    worker: HandWorker,
    ...outputs: [sequence: number, output: TtsOutput, body?: Uint8Array][]
  ): Promise<void> => {
    const job = await worker.hold(ttsLane, 'first');
    await job.outputs(...outputs);
    const problem = { code: 'worker_unavailable' };
    await job.terminal({ sequence: outputs.length, handBack: 'failed', problem });
    job.delivery.nak();
  };

  it('does not blame the job when three workers fall silent one after the other', async () => {
    await submit();
    await silent(3);
    expect((await first.hold(ttsLane, 'first')).grant.attempt).toBe(4);
    expect(listener.ends).toEqual([]);
  });

  it('gives the job up when a fourth worker falls silent at the same place', async () => {
    await submit();
    await silent(4);
    const delivery = await first.pull(ttsLane, 'first');
    expect(delivery && (await first.claim(delivery))).toEqual({ gone: true });
    expect(listener.ends).toEqual(['job_quarantined']);
    await pass(0);
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
  });

  it('gives the job up when a worker failed and two fell silent at the same place', async () => {
    await submit();
    await fail(first);
    await silent(2);
    const delivery = await second.pull(ttsLane, 'first');
    expect(delivery && (await second.claim(delivery))).toEqual({ gone: true });
    expect(listener.ends).toEqual(['job_quarantined']);
  });

  it('forgets the crashes before an attempt that advanced the job', async () => {
    await submit();
    for (let at = 0; at < 10; at += 1) await fail(first, [0, plan], [1, audio(4 * at), Buffer.alloc(16)]);
    expect(listener.ends).toEqual([]);
  });

  it('gives the job up when two attempts fail at the same place, though each gives its plan again', async () => {
    await submit();
    await fail(first, [0, plan], [1, audio(0), Buffer.alloc(16)]);
    await fail(second, [0, plan]);
    expect(listener.ends).toEqual(['job_quarantined']);
  });

  it('answers an end that comes again after it was taken with the same word', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    expect(await job.terminal({ sequence: 0, output: ttsEnd })).toBe('taken');
    expect(await job.terminal({ sequence: 0, output: ttsEnd })).toBe('taken');
    await pass(10_000);
    expect(await job.terminal({ sequence: 0, output: ttsEnd })).toBe('gone');
  });

  it('answers a hand-back that comes again with the same word, until another has the job', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    expect(await job.terminal({ sequence: 0, handBack: 'ordered' })).toBe('taken');
    expect(await job.terminal({ sequence: 0, handBack: 'ordered' })).toBe('taken');
    job.delivery.nak();
    await second.hold(ttsLane, 'first');
    expect(await job.terminal({ sequence: 0, handBack: 'ordered' })).toBe('stale');
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
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
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

  it('lets a job that has given output wait longer for another worker', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    await job.outputs([0, plan]);
    await job.terminal({ sequence: 1, handBack: 'ordered' });
    job.delivery.nak(600_000);
    await pass(waitBudgetMs + 1_000);
    expect(listener.ends).toEqual([]);
    await pass(functionOf('tts').failoverBudgetMs - waitBudgetMs - 1_000);
    expect(listener.ends).toEqual(['deadline_exceeded']);
  });

  it('publishes the job again when its message is lost too', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    job.delivery.term();
    await pass(5_000);
    expect((await second.hold(ttsLane, 'first')).grant.attempt).toBe(2);
  });

  it('leaves it where it is while the worker sends heartbeats that name it', async () => {
    await submit(sttRequest());
    const job = await first.hold(sttLane, 'open');
    job.delivery.term();
    for (let second = 0; second < 10; second += 1) {
      await first.sendHeartbeat(job.held(0));
      await pass(1_000);
    }
    expect(client.activeJobs).toBe(1);
    expect(await second.pull(sttLane, 'open')).toBeUndefined();
  });

  it('does not believe a worker that sends heartbeats but has forgotten the job', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    const working = setInterval(() => job.delivery.working(), 500);
    for (let round = 0; round < 5; round += 1) {
      await first.sendHeartbeat();
      await pass(1_000);
    }
    clearInterval(working);
    expect((await second.hold(ttsLane, 'first')).grant.attempt).toBe(2);
  });

  it('does not take a step of the clock, or a pause of this process, for the loss of every worker', async () => {
    await submit();
    const job = await first.hold(ttsLane, 'first');
    const working = setInterval(() => job.delivery.working(), 500);
    for (let round = 0; round < 10; round += 1) {
      await first.sendHeartbeat(job.held(0));
      if (round === 5) bench.clockStepMs += 4_000;
      await pass(1_000);
    }
    clearInterval(working);
    expect(first.received).toEqual([]);
    expect(listener.claims).toHaveLength(1);
  });

  it('does not take an outage of the bus for the loss of every worker', async () => {
    await submit(sttRequest());
    const job = await first.hold(sttLane, 'open');
    await job.outputs([0, credit(0)]);
    bus.stop();
    await pass(10_000);
    bus.start();
    await first.sendHeartbeat(job.held(2));
    await job.outputs([1, credit(5)]);
    expect(listener.received).toEqual(['credit', 'credit']);
    expect(client.activeJobs).toBe(1);
  });
});
