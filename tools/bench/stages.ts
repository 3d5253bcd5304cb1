import { scrape, sumOf, type MetricSample } from '../client/prometheus';

/** Mean milliseconds of each part of a TTS request between two moments; a part is absent where its page cannot be read. */
export interface StageMeans {
  readonly license: number;
  readonly queue: number;
  readonly bus: number;
  readonly seatWait: number;
  readonly frontend: number;
  readonly encode: number;
  readonly decode: number;
}

/** The gateway's page at a moment. */
export const readStages = (gatewayMetricsUrl: string): Promise<MetricSample[]> => scrape(gatewayMetricsUrl);

/** What the requests between two readings of the gateway's page spent in each part, on average. */
export function stageMeans(before: readonly MetricSample[], after: readonly MetricSample[]): StageMeans {
  const mean = (name: string, labels: Record<string, string> = {}): number => {
    const grown = (suffix: string): number =>
      sumOf(after, name + suffix, labels) - sumOf(before, name + suffix, labels);
    return (1_000 * grown('_sum')) / Math.max(grown('_count'), 1);
  };
  const stage = (name: string): number => mean('antiphon_stage_seconds', { stage: name });
  return {
    license: mean('antiphon_authorize_seconds'),
    queue: mean('antiphon_queue_wait_seconds'),
    bus: stage('bus'),
    seatWait: stage('seat_wait'),
    frontend: stage('frontend'),
    encode: stage('encode'),
    decode: stage('decode'),
  };
}
