import { nextPartialSample } from './partial-pacing';

const tuning = { firstPartialMs: 600, partialIntervalMs: 500, partialGrowth: 0.1 };
const second = 16_000;

describe('nextPartialSample', () => {
  it('is soon after the start at first', () => {
    expect(nextPartialSample(5 * second, undefined, tuning)).toBe(5.6 * second);
  });

  it('is an interval after the last one', () => {
    expect(nextPartialSample(5 * second, 6 * second, tuning)).toBe(6.5 * second);
  });

  it('is later the longer the utterance, once its share exceeds the interval', () => {
    expect(nextPartialSample(0, 5 * second, tuning)).toBe(5.5 * second);
    expect(nextPartialSample(0, 20 * second, tuning)).toBe(22 * second);
  });
});
