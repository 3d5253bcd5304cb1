import type { Lane } from '@app/protocol';
import type { JobHeaders, JobLanes, LaneLoad, OfferedMessage } from './job-lanes';

/** Called for each message of a subscription; `reply` answers a request. Must not throw; asynchronous work is the handler's own. */
export type MessageHandler = (payload: Uint8Array, subject: string, reply?: (payload: Uint8Array) => void) => void;

/** What goes on until it is ended. */
export interface Subscription {
  unsubscribe(): void;
}

/** A job as delivered to a worker. It stays counted as lag until acked or terminated. */
export interface Delivery {
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  /** Which job of the lane it is, as `publishJob` returned it. */
  readonly sequence: number;
  /** Done: the job is gone for good. */
  ack(): void;
  /** Hand back: delivered again, after the delay. */
  nak(delayMs?: number): void;
  /** Keeps it for another ack wait. */
  working(): void;
  /** Nobody wants it: gone, never delivered again. */
  term(): void;
  /** The worker is done with it, with or without a verdict; for deliveries that somebody waits for. */
  leave?(): void;
}

/** One priority class of a lane, seen by a worker. */
export interface JobSource {
  /** What waits now, at most `max` jobs; if nothing does, the next one within `waitMs`. Empty when none came. One pull at a time. */
  pull(max: number, waitMs: number): Promise<Delivery[]>;
  /** Ends a waiting pull at once; it resolves to what was already on its way to it. */
  interrupt(): void;
  /** Interrupts, and ends all later pulls at once. */
  close(): void;
}

/**
 * The bus as the apps see it: work-queue lanes for jobs, plain subjects for everything else. Two implementations: NATS, and a
 * twin in memory for tests; both pass the same conformance suite. Failures are ProblemError `bus_unavailable`.
 */
export abstract class Broker implements JobLanes {
  /** Creates or updates what the lane needs; idempotent. */
  abstract ensureLane(lane: Lane): Promise<void>;
  /**
   * Puts a job into its lane; after `ttlMs` it vanishes, even from under a worker that holds it. Resolves to its sequence, which
   * is never given out twice in a lane, even when the bus has lost its memory.
   */
  abstract publishJob(
    lane: Lane,
    jobClass: string,
    payload: Uint8Array,
    ttlMs: number,
    headers?: JobHeaders,
  ): Promise<number>;
  /** Removes a job whether it waits or runs; false when it was gone already. */
  abstract deleteJob(lane: Lane, sequence: number): Promise<boolean>;
  abstract lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]>;
  /** Whether the job still waits or is held by a worker. */
  abstract hasJob(lane: Lane, sequence: number): Promise<boolean>;
  abstract openSource(lane: Lane, jobClass: string): Promise<JobSource>;
  abstract load(lane: Lane): Promise<LaneLoad>;

  abstract publish(subject: string, payload: Uint8Array): void;
  /** `*` matches one token, `>` the rest. */
  abstract subscribe(subject: string, handler: MessageHandler): Subscription;
  /** Undefined when nobody is there or nobody answered in time. */
  abstract request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array | undefined>;
  /** Resolves once everything published and subscribed before has reached the server. */
  abstract flush(): Promise<void>;

  /** Whether the bus can be reached now. */
  abstract readonly connected: boolean;
  /** Called at each change of `connected`. */
  abstract onConnectionChange(listener: (connected: boolean) => void): Subscription;
  /** Lets what was published leave, then disconnects. */
  abstract close(): Promise<void>;
}
