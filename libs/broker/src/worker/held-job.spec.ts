import { encodeFrame, ProblemError, subjects } from '@app/protocol';
import { HandBack } from '../job-context';
import { sttEnd, sttLane, sttRequest, ttsLane } from '../testing/jobs';
import { isA, pass, WorkerBench } from '../testing/worker-bench';
import type { LaneRunner } from './lane-runner';

describe('A worker ends an attempt', () => {
  let bench: WorkerBench;
  let runner: LaneRunner;

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new WorkerBench();
    await bench.start();
    runner = await bench.runner('worker-1', 2);
  });
  afterEach(async () => {
    await bench.stop();
    jest.useRealTimers();
  });

  it('with a problem that a retry would not solve', async () => {
    const { listener } = await bench.submit();
    bench.handler.last.fail(new ProblemError('voice_not_found', { detail: 'No such voice here.' }));
    await pass(0);
    expect(listener.problem).toMatchObject({ code: 'voice_not_found', detail: 'No such voice here.' });
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    expect(bench.ended).toMatchObject([{ outcome: 'problem' }]);
  });

  it('with internal, logged without content, after an unknown error', async () => {
    const { listener } = await bench.submit();
    bench.handler.last.fail(new Error('secret transcript'));
    await pass(0);
    expect(listener.problem?.code).toBe('internal');
    expect(listener.problem?.detail).not.toContain('secret');
    expect(bench.logged).toEqual([['job handler failed', ['jobId', 'err']]]);
  });

  it('with internal when the handler completes without an end', async () => {
    const { listener } = await bench.submit();
    bench.handler.last.complete();
    await pass(0);
    expect(listener.ends).toEqual(['internal']);
  });

  it('that broke, for another one elsewhere, but not for a third', async () => {
    const { listener } = await bench.submit();
    bench.handler.last.fail(new ProblemError('worker_unavailable'));
    await pass(50);
    expect(bench.handler.runs).toHaveLength(2);
    expect(bench.handler.last.context.attempt).toBe(2);
    bench.handler.last.fail(new ProblemError('worker_unavailable'));
    await pass(50);
    expect(bench.handler.runs).toHaveLength(2);
    expect(listener.ends).toEqual(['job_quarantined']);
    expect(bench.ended).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
  });

  it('that its handler hands back, for as many others as it takes', async () => {
    const { listener } = await bench.submit();
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      expect(bench.handler.last.context.attempt).toBe(attempt);
      bench.handler.last.fail(new HandBack());
      await pass(0);
    }
    expect(listener.ends).toEqual([]);
    expect(bench.ended).toHaveLength(4);
    expect(bench.ended[0]?.outcome).toBe('handed_back');
  });

  it('when the job is cancelled: the handler is stopped, the seat free, the message gone', async () => {
    const { handle, listener } = await bench.submit();
    handle.cancel('client left');
    await pass(0);
    expect(bench.handler.last.stopped).toBe(true);
    expect(runner.busySeats(ttsLane)).toBe(0);
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    expect(bench.ended).toMatchObject([{ outcome: 'cancelled' }]);
    expect(listener.ends).toEqual([]);
  });

  it('whose cancel was lost, at its next beat', async () => {
    const { handle } = await bench.submit(sttRequest());
    bench.bus.relay = (message, deliver) => (isA('input', message) ? undefined : deliver());
    handle.cancel('client left');
    await pass(500);
    expect(bench.handler.last.stopped).toBe(false);
    bench.bus.relay = (_message, deliver) => deliver();
    await pass(1_000);
    expect(bench.handler.last.stopped).toBe(true);
  });

  it('silently when another one owns the job: the message stays as it is', async () => {
    await bench.submit();
    const { jobId } = bench.handler.last.context;
    const superseded = { attempt: 1, type: 'cancel', superseded: true };
    bench.broker().publish(subjects.input('worker-1', jobId), encodeFrame(superseded));
    await pass(0);
    expect(bench.handler.last.stopped).toBe(true);
    expect(await bench.load()).toEqual({ waiting: 0, running: 1 });
    expect(bench.ended).toMatchObject([{ outcome: 'stale' }]);
  });

  it('silently when another one comes to own the job while it hands back', async () => {
    await bench.submit();
    const { jobId } = bench.handler.last.context;
    bench.bus.relay = (message, deliver) => (isA('output', message) ? undefined : deliver());
    bench.handler.last.fail(new HandBack());
    await pass(1_000);
    const superseded = { attempt: 1, type: 'cancel', superseded: true };
    bench.broker().publish(subjects.input('worker-1', jobId), encodeFrame(superseded));
    await pass(700);
    expect(bench.handler.runs).toHaveLength(1);
    await pass(1_500);
    expect(bench.handler.runs).toHaveLength(2);
  });

  it('whose gateway missed three beats, and leaves the job to whoever asks for it', async () => {
    await bench.submit(sttRequest());
    bench.presence.stop();
    await bench.client.close();
    bench.bus.relay = (message, deliver) => (message.subject === subjects.gatewayPresence ? undefined : deliver());
    await pass(2_900);
    expect(bench.handler.last.stopped).toBe(true);
    await pass(2_000);
    expect(await bench.load(sttLane)).toEqual({ waiting: 0, running: 0 });
    expect(runner.busySeats(sttLane)).toBe(0);
  });

  it('whose gateway was cut off for a while, and claims the job again', async () => {
    const { listener } = await bench.submit(sttRequest());
    bench.bus.relay = (message, deliver) => (message.subject === subjects.gatewayPresence ? undefined : deliver());
    await pass(4_100);
    expect(bench.handler.runs.map(({ stopped }) => stopped)).toEqual([true, false]);
    expect(listener.claims.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('never because the bus was away', async () => {
    await bench.submit(sttRequest());
    await pass(1_000);
    bench.bus.stop();
    await pass(10_000);
    bench.bus.start();
    await pass(10_000);
    expect(bench.handler.runs.map(({ stopped }) => stopped)).toEqual([false]);
  });

  it('never, while its gateway beats', async () => {
    const { listener } = await bench.submit(sttRequest());
    await pass(30_000);
    expect(bench.handler.last.stopped).toBe(false);
    expect(bench.handler.runs).toHaveLength(1);
    bench.handler.last.emit({ output: sttEnd });
    await pass(0);
    expect(listener.ends).toEqual(['end']);
  });
});
