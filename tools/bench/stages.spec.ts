import { parseMetrics } from '../client/prometheus';
import { medianOf, stageMeans } from './stages';

const page = (license: number, overhead: readonly number[]): string =>
  [
    `antiphon_authorize_seconds_sum{outcome="granted"} ${license * 0.002}`,
    `antiphon_authorize_seconds_count{outcome="granted"} ${license}`,
    ...['0.002', '0.004', '+Inf'].map(
      (le, at) => `antiphon_overhead_seconds_bucket{le="${le}",model="piper"} ${overhead[at]}`,
    ),
  ].join('\n');

describe('the stages of a request', () => {
  it('are means of what was added between two readings', () => {
    const means = stageMeans(parseMetrics(page(100, [0, 0, 0])), parseMetrics(page(110, [0, 10, 10])));
    expect(means.license).toBeCloseTo(2);
    expect(means.overheadP50).toBeCloseTo(3);
    expect(means.queue).toBe(0);
  });

  it('have a median that lies in the bucket that holds it', () => {
    expect(
      medianOf([
        [1, 0],
        [2, 4],
        [Infinity, 4],
      ]),
    ).toBe(1.5);
    expect(
      medianOf([
        [1, 1],
        [2, 1],
        [Infinity, 4],
      ]),
    ).toBe(2);
    expect(medianOf([])).toBeNaN();
  });
});
