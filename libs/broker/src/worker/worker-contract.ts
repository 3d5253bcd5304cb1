import type { JobKind, Lane } from '@app/protocol';
import type { Delivery } from '../broker';

/** A lane that the worker serves. */
export interface ServedLane {
  readonly lane: Lane;
  readonly seats: number;
  /** Artifact ids of the voices or models it can serve now, for its beat. */
  readonly voices?: () => readonly string[];
  /** Recent compute time over audio time, for its beat. */
  readonly realTimeFactor?: () => number;
}

/** A job that was brought to a worker and has its seat. */
export interface SeatedJob {
  /** Stops it in good order, if it still runs; it goes to another worker. */
  handBack(): void;
}

/** A job that somebody brings to a worker. */
export interface BroughtJob {
  readonly lane: Lane;
  readonly jobClass: string;
  readonly delivery: Delivery;
}

/** Who takes jobs that are brought instead of pulled. */
export abstract class JobTaker {
  /**
   * Gives the job a seat, as soon as one is free: to those of earlier classes first, then to who came first. Rejects with
   * `not_found` for a lane or class that is not served, `draining` at a drain, `worker_unavailable` before the worker has started
   * or when too many wait, and `cancelled` when the bringer has `gone` before; the delivery then hears nothing.
   */
  abstract take(job: BroughtJob, gone: AbortSignal): Promise<SeatedJob>;
}

/** How an attempt ended at its worker. `stale`: another attempt owns the job. `lost`: the session did not answer. */
export type JobOutcome = 'done' | 'problem' | 'cancelled' | 'handed_back' | 'failed' | 'stale' | 'gone' | 'lost';

/** An attempt that is over at this worker. */
export interface EndedJob {
  readonly lane: Lane;
  readonly kind: JobKind;
  readonly jobId: string;
  readonly attempt: number;
  readonly outcome: JobOutcome;
  /** From publishing to claim. */
  readonly waitMs: number;
  /** From claim to the end of the handler. */
  readonly runMs: number;
}

/** Told what happens at a worker, for metrics. */
export interface WorkerObserver {
  seatTaken?(lane: Lane): void;
  seatFreed?(lane: Lane): void;
  claimGranted?(lane: Lane, waitedMs: number): void;
  /** Delivered, but nobody wants it, or its session did not answer. */
  claimRefused?(lane: Lane): void;
  jobEnded?(job: EndedJob): void;
}
