import { decodeFrame, type ResultOutput } from '@app/protocol';
import { ClientBench } from '../testing/client-bench';
import { ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';

const end = (result: object): ResultOutput => ({ type: 'end', result });

describe('a job that is run for its result', () => {
  let bench: ClientBench;

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new ClientBench();
    await bench.client.start();
  });
  afterEach(async () => {
    await bench.client.close();
    jest.useRealTimers();
  });

  it('resolves to the result that comes with its end', async () => {
    const result = bench.client.run(ttsRequest());
    const held = await bench.first.hold(ttsLane, 'first');
    expect(await held.terminal({ sequence: 0, output: end({ answer: 42 }) })).toBe('taken');
    await expect(result).resolves.toEqual({ answer: 42 });
  });

  it('takes its binary part to the worker', async () => {
    const result = bench.client.run({ ...ttsRequest(), body: Uint8Array.of(1, 2, 3) });
    const held = await bench.first.hold(ttsLane, 'first');
    expect([...decodeFrame(held.delivery.payload).body]).toEqual([1, 2, 3]);
    await held.terminal({ sequence: 0, output: end({}) });
    await result;
  });

  it('rejects with the problem it ends with', async () => {
    const result = bench.client.run(ttsRequest());
    const rejection = expect(result).rejects.toMatchObject({ code: 'voice_not_found' });
    const held = await bench.first.hold(ttsLane, 'first');
    await held.terminal({ sequence: 0, problem: { code: 'voice_not_found' } });
    await rejection;
  });

  it('rejects with deadline_exceeded when no worker comes in time', async () => {
    const rejection = expect(bench.client.run(ttsRequest())).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await jest.advanceTimersByTimeAsync(60_000);
    await rejection;
  });

  it('rejects when the job ends without a result', async () => {
    const rejection = expect(bench.client.run(ttsRequest())).rejects.toMatchObject({ code: 'internal' });
    const held = await bench.first.hold(ttsLane, 'first');
    await held.terminal({ sequence: 0, output: ttsEnd });
    await rejection;
  });

  it('is cancelled at its worker when the caller goes away', async () => {
    const gone = new AbortController();
    const rejection = expect(bench.client.run(ttsRequest(), gone.signal)).rejects.toMatchObject({ code: 'cancelled' });
    await bench.first.hold(ttsLane, 'first');
    gone.abort();
    await jest.advanceTimersByTimeAsync(0);
    await rejection;
    expect(bench.first.received.map(({ type }) => type)).toEqual(['cancel']);
    expect(bench.client.activeJobs).toBe(0);
  });

  it('refuses a body that would not fit on the bus', async () => {
    const request = { ...ttsRequest(), body: new Uint8Array(1_000_001) };
    await expect(bench.client.run(request)).rejects.toMatchObject({ code: 'too_large' });
  });
});
