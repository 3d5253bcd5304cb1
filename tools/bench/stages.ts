import { scrape, sumOf, type MetricSample } from '../client/prometheus';

/**
 * Mean milliseconds of each part of a TTS request between two moments. A part is absent if its metrics page cannot be
 * read.
 */
export interface StageMeans {
  /**
   * Median time that gateway, license and NATS add to the first audio. `license`, `queue` and `bus` are overlapping
   * parts of it.
   */
  readonly overheadP50: number;
  readonly license: number;
  readonly queue: number;
  readonly bus: number;
  readonly seatWait: number;
  readonly frontend: number;
  readonly encode: number;
  readonly decode: number;
}

/** The gateway's metrics page at a moment. */
export const readStages = (gatewayMetricsUrl: string): Promise<MetricSample[]> => scrape(gatewayMetricsUrl);

/** The mean time of each part for the requests between two readings of the gateway's metrics page. */
export function stageMeans(before: readonly MetricSample[], after: readonly MetricSample[]): StageMeans {
  const mean = (name: string, labels: Record<string, string> = {}): number => {
    const grown = (suffix: string): number =>
      sumOf(after, name + suffix, labels) - sumOf(before, name + suffix, labels);
    return (1_000 * grown('_sum')) / Math.max(grown('_count'), 1);
  };
  const overhead = 'antiphon_overhead_seconds';
  const stage = (name: string): number => mean('antiphon_stage_seconds', { stage: name });
  return {
    overheadP50: 1_000 * medianOf(grownBuckets(before, after, overhead)),
    license: mean('antiphon_authorize_seconds'),
    queue: mean('antiphon_queue_wait_seconds'),
    bus: stage('bus'),
    seatWait: stage('seat_wait'),
    frontend: stage('frontend'),
    encode: stage('encode'),
    decode: stage('decode'),
  };
}

/** A histogram bucket: its upper bound in seconds, and the number of values up to that bound. */
type Bucket = readonly [bound: number, count: number];

function grownBuckets(before: readonly MetricSample[], after: readonly MetricSample[], name: string): Bucket[] {
  const bounds = after.filter((sample) => sample.name === `${name}_bucket`).map(({ labels }) => labels.le ?? '');
  return [...new Set(bounds)].map((le) => {
    const count = sumOf(after, `${name}_bucket`, { le }) - sumOf(before, `${name}_bucket`, { le });
    return [le === '+Inf' ? Infinity : Number(le), count];
  });
}

/** The median by linear interpolation within its bucket, as in Prometheus. */
export function medianOf(buckets: readonly Bucket[]): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const half = (sorted.at(-1)?.[1] ?? 0) / 2;
  let [lowBound, lowCount] = [0, 0];
  for (const [bound, count] of sorted) {
    if (count >= half && count > lowCount) {
      return bound === Infinity ? lowBound : lowBound + ((bound - lowBound) * (half - lowCount)) / (count - lowCount);
    }
    [lowBound, lowCount] = [bound, count];
  }
  return NaN;
}
