import { StepTimes, workOf } from './step-times';

const decode = (amount = 1) => ({ op: 'decode', amount });

const timesAfter = (tookMs: readonly number[], amount = 1): StepTimes => {
  const times = new StepTimes();
  for (const each of tookMs) times.took(decode(amount), each);
  return times;
};
const repeated = (count: number, tookMs: number): number[] => Array.from({ length: count }, () => tookMs);

describe('StepTimes', () => {
  it('sets no limit before it knows enough calls of the operation', () => {
    expect(timesAfter(repeated(2, 30)).limitMs(decode())).toBeUndefined();
    expect(timesAfter(repeated(3, 30)).limitMs(decode())).toBeDefined();
    expect(timesAfter(repeated(3, 30)).limitMs({ op: 'encode', amount: 1 })).toBeUndefined();
  });

  it('notices a hang of a quick step after one to two seconds', () => {
    const limitMs = timesAfter(repeated(20, 30)).limitMs(decode());
    expect(limitMs).toBeGreaterThanOrEqual(1_000);
    expect(limitMs).toBeLessThanOrEqual(2_000);
  });

  it('gives a slow step ten times what it usually takes', () => {
    expect(timesAfter(repeated(20, 400)).limitMs(decode())).toBe(4_000);
  });

  it('gives the first call of an operation in a process three times as long', () => {
    expect(timesAfter(repeated(20, 400)).limitMs(decode(), true)).toBe(12_000);
    expect(timesAfter(repeated(2, 400)).limitMs(decode(), true)).toBeUndefined();
  });

  it('follows a machine that became busy', () => {
    expect(timesAfter([...repeated(64, 30), ...repeated(10, 300)]).limitMs(decode())).toBe(3_000);
  });

  it('is not misled by a few slow calls', () => {
    expect(timesAfter([...repeated(30, 30), ...repeated(3, 4_000)]).limitMs(decode())).toBe(1_500);
  });

  it('forgets old calls', () => {
    expect(timesAfter([...repeated(64, 4_000), ...repeated(64, 30)]).limitMs(decode())).toBe(1_500);
  });

  it('sets no limit for more than twice the work that it knows', () => {
    const times = timesAfter(repeated(20, 30), 2);
    expect(times.limitMs(decode(4))).toBeDefined();
    expect(times.limitMs(decode(5))).toBeUndefined();
  });

  it('judges a large call by large ones, however many small ones were quick', () => {
    const times = timesAfter([...repeated(8, 1_000)], 480_000);
    for (let call = 0; call < 50; call += 1) times.took(decode(16_000), 50);
    expect(times.limitMs(decode(480_000))).toBe(10_000);
  });

  it('sets no limit again after one was exceeded, so that a slow step is not killed twice for being slow', () => {
    const times = timesAfter(repeated(20, 30));
    times.forget('decode');
    expect(times.limitMs(decode())).toBeUndefined();
  });
});

describe('workOf', () => {
  it('counts samples where steps carry audio, and steps where they do not', () => {
    expect(workOf([{ op: 'decode' }, { op: 'decode' }])).toEqual({ op: 'decode', amount: 2 });
    const heard = { op: 'transcribe', samples: new Float32Array(300) };
    expect(workOf([heard, heard])).toEqual({ op: 'transcribe', amount: 600 });
  });
});
