import { decodeFrame, type ResultOutput } from '@app/protocol';
import type { JobRequest } from './job-contract';
import { ClientBench } from '../testing/client-bench';
import { jobResult, type ResultWaiter } from './job-result';
import { ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';

const end = (result: object): ResultOutput => ({ type: 'end', result });

describe('a job that is run for its result', () => {
  let bench: ClientBench;
  let waits: number[];

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new ClientBench();
    waits = [];
    await bench.client.start();
  });
  afterEach(async () => {
    await bench.client.close();
    jest.useRealTimers();
  });

  const run = (request: JobRequest = ttsRequest(), signal = new AbortController().signal): Promise<object> => {
    const waiter: ResultWaiter = { signal, onClaim: ({ waitedMs }) => void waits.push(waitedMs) };
    return jobResult(bench.client, request, waiter);
  };

  it('resolves to the result that comes with its end', async () => {
    const result = run();
    const held = await bench.first.hold(ttsLane, 'first');
    expect(await held.terminal({ sequence: 0, output: end({ answer: 42 }) })).toBe('taken');
    await expect(result).resolves.toEqual({ answer: 42 });
  });

  it('says at each claim how long the job waited', async () => {
    const result = run();
    await jest.advanceTimersByTimeAsync(700);
    const held = await bench.first.hold(ttsLane, 'first');
    await held.terminal({ sequence: 0, output: end({}) });
    await result;
    expect(waits).toEqual([700]);
  });

  it('takes its binary part to the worker', async () => {
    const result = run({ ...ttsRequest(), body: Uint8Array.of(1, 2, 3) });
    const held = await bench.first.hold(ttsLane, 'first');
    expect([...decodeFrame(held.delivery.payload).body]).toEqual([1, 2, 3]);
    await held.terminal({ sequence: 0, output: end({}) });
    await result;
  });

  it('rejects with the problem it ends with', async () => {
    const result = run();
    const rejection = expect(result).rejects.toMatchObject({ code: 'voice_not_found' });
    const held = await bench.first.hold(ttsLane, 'first');
    await held.terminal({ sequence: 0, problem: { code: 'voice_not_found' } });
    await rejection;
  });

  it('rejects with deadline_exceeded when no worker comes in time', async () => {
    const rejection = expect(run()).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await jest.advanceTimersByTimeAsync(60_000);
    await rejection;
  });

  it('rejects when the job ends without a result', async () => {
    const rejection = expect(run()).rejects.toMatchObject({ code: 'internal' });
    const held = await bench.first.hold(ttsLane, 'first');
    await held.terminal({ sequence: 0, output: ttsEnd });
    await rejection;
  });

  it('is cancelled at its worker when the caller goes away', async () => {
    const gone = new AbortController();
    const rejection = expect(run(ttsRequest(), gone.signal)).rejects.toMatchObject({ code: 'cancelled' });
    await bench.first.hold(ttsLane, 'first');
    gone.abort();
    await jest.advanceTimersByTimeAsync(0);
    await rejection;
    expect(bench.first.received.map(({ type }) => type)).toEqual(['cancel']);
    expect(bench.client.activeJobs).toBe(0);
  });

  it('refuses a body that would not fit on the bus', async () => {
    const request = { ...ttsRequest(), body: new Uint8Array(1_000_001) };
    await expect(run(request)).rejects.toMatchObject({ code: 'too_large' });
  });
});
