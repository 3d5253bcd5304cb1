import type { Lane } from '@app/protocol';

/**
 * Number of jobs of a lane. Waiting jobs were never delivered. All others are held by workers, or were handed back and
 * not delivered again yet.
 */
export interface LaneLoad {
  readonly waiting: number;
  readonly running: number;
}

/** Headers that accompany a job: the trace context. Names are in lower case. */
export type JobHeaders = Readonly<Record<string, string>>;

/** A job on offer, identified by the result of `publishJob`. */
export interface OfferedMessage {
  readonly jobClass: string;
  readonly sequence: number;
}

/** A way to offer jobs to workers. One is the lanes of a broker, the other is requests to the inference service. */
export interface JobLanes {
  /** Creates or updates the lane. Idempotent. */
  ensureLane(lane: Lane): Promise<void>;
  /**
   * Offers a job until it is done, is deleted, or `ttlMs` milliseconds have passed. Resolves to its sequence number,
   * which no other job of the lane has had.
   */
  publishJob(lane: Lane, jobClass: string, payload: Uint8Array, ttlMs: number, headers?: JobHeaders): Promise<number>;
  /** Withdraws the offer of a waiting or running job. Returns false if it was already over. */
  deleteJob(lane: Lane, sequence: number): Promise<boolean>;
  /** Returns the jobs that are neither on offer nor held by a worker, with one request for all of them. */
  lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]>;
  /** Whether the job is on offer or held by a worker. */
  hasJob(lane: Lane, sequence: number): Promise<boolean>;
  load(lane: Lane): Promise<LaneLoad>;
}

type JobToOffer = [jobClass: string, payload: Uint8Array, ttlMs: number, headers?: JobHeaders];

/** Sends the jobs of each lane with the dispatch of its function. */
export class DispatchedLanes implements JobLanes {
  constructor(private readonly of: (lane: Lane) => JobLanes) {}

  ensureLane(lane: Lane): Promise<void> {
    return this.of(lane).ensureLane(lane);
  }

  publishJob(lane: Lane, ...job: JobToOffer): Promise<number> {
    return this.of(lane).publishJob(lane, ...job);
  }

  deleteJob(lane: Lane, sequence: number): Promise<boolean> {
    return this.of(lane).deleteJob(lane, sequence);
  }

  lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]> {
    return this.of(lane).lostJobs(lane, jobs);
  }

  hasJob(lane: Lane, sequence: number): Promise<boolean> {
    return this.of(lane).hasJob(lane, sequence);
  }

  load(lane: Lane): Promise<LaneLoad> {
    return this.of(lane).load(lane);
  }
}
