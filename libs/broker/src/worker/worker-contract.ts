import type { Lane } from '@app/protocol';
import type { Delivery } from '../broker';

/** A lane that the worker serves. */
export interface ServedLane {
  readonly lane: Lane;
  readonly seats: number;
}

/** A job by request that has its seat. */
export interface SeatedJob {
  /** Stops the job in good order if it still runs. It goes to another worker. */
  handBack(): void;
}

/** A job that a request delivers to a worker. */
export interface DeliveredJob {
  readonly lane: Lane;
  readonly jobClass: string;
  readonly delivery: Delivery;
}

/** Takes jobs by request instead of pulling them. */
export abstract class JobTaker {
  /**
   * Gives the job a seat as soon as one is free. Jobs of earlier classes go first, then the order of arrival. Rejects
   * with `not_found` for a lane or class that is not served, `draining` during a drain, `worker_unavailable` before the
   * worker has started or if too many jobs wait, and `cancelled` if `gone` aborts first. If it rejects, the delivery is
   * not touched.
   */
  abstract take(job: DeliveredJob, gone: AbortSignal): Promise<SeatedJob>;
}

/** How an attempt ended on its worker. `stale`: another attempt owns the job. `lost`: the session did not answer. */
export type JobOutcome = 'done' | 'problem' | 'cancelled' | 'handed_back' | 'failed' | 'stale' | 'gone' | 'lost';

/** An attempt that has ended on this worker. */
export interface EndedJob {
  readonly lane: Lane;
  readonly outcome: JobOutcome;
}

/** Callbacks for metrics of a worker. */
export interface WorkerObserver {
  seatTaken?(lane: Lane): void;
  seatFreed?(lane: Lane): void;
  claimGranted?(lane: Lane, waitedMs: number): void;
  /** Called for a delivered job that nobody wants, or whose session did not answer. */
  claimRefused?(lane: Lane): void;
  jobEnded?(job: EndedJob): void;
}
