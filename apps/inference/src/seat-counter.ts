import type { EndedJob, JobOutcome, WorkerObserver } from '@app/broker';
import { laneName, type Lane } from '@app/protocol';
import type { InferenceMetrics, JobOutcome as CountedOutcome } from './metrics/inference-metrics';

/**
 * How the end of an attempt is counted. Attempts that were replaced by another one, or whose session is gone, count as
 * cancelled.
 */
const countedAs: Readonly<Record<JobOutcome, CountedOutcome>> = {
  done: 'done',
  problem: 'error',
  failed: 'error',
  handed_back: 'handed_back',
  cancelled: 'cancelled',
  stale: 'cancelled',
  gone: 'cancelled',
  lost: 'cancelled',
};

/** Updates the metrics of seats and jobs. Each lane is exported before its first job. */
export class SeatCounter implements WorkerObserver {
  private readonly busy = new Map<string, number>();

  constructor(
    private readonly metrics: InferenceMetrics,
    lanes: readonly Lane[],
    private readonly seats: number,
  ) {
    for (const lane of lanes) this.change(lane, 0);
  }

  seatTaken(lane: Lane): void {
    this.change(lane, 1);
  }

  seatFreed(lane: Lane): void {
    this.change(lane, -1);
  }

  jobEnded({ lane, outcome }: EndedJob): void {
    this.metrics.jobEnded(laneName(lane), countedAs[outcome]);
  }

  private change(lane: Lane, by: number): void {
    const name = laneName(lane);
    const busy = (this.busy.get(name) ?? 0) + by;
    this.busy.set(name, busy);
    this.metrics.seats(name, this.seats, busy);
  }
}
