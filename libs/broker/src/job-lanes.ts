import type { Lane } from '@app/protocol';

/** Jobs of a lane: how many were never delivered, and how many were: held by workers, or handed back and not yet delivered again. */
export interface LaneLoad {
  readonly waiting: number;
  readonly running: number;
}

/** What goes with a job and is not part of it: the trace context. Names in lower case. */
export type JobHeaders = Readonly<Record<string, string>>;

/** A job on offer, as `publishJob` left it. */
export interface OfferedMessage {
  readonly jobClass: string;
  readonly sequence: number;
}

/** How jobs are offered to workers. The lanes of a broker are one way, requests to the inference service are the other. */
export interface JobLanes {
  /** Creates or updates what the lane needs; idempotent. */
  ensureLane(lane: Lane): Promise<void>;
  /** Offers a job until it is done, deleted, or `ttlMs` has passed. Resolves to its sequence, which no job of the lane had before. */
  publishJob(lane: Lane, jobClass: string, payload: Uint8Array, ttlMs: number, headers?: JobHeaders): Promise<number>;
  /** Takes the offer back, whether the job waits or runs; false when it was over already. */
  deleteJob(lane: Lane, sequence: number): Promise<boolean>;
  /** Those of these jobs of a lane that are neither offered nor held by a worker any more; one question for all of them. */
  lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]>;
  /** Whether the job is still offered, or held by a worker. */
  hasJob(lane: Lane, sequence: number): Promise<boolean>;
  load(lane: Lane): Promise<LaneLoad>;
}

type JobToOffer = [jobClass: string, payload: Uint8Array, ttlMs: number, headers?: JobHeaders];

/** Sends the jobs of each lane the way that its function is dispatched. */
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
