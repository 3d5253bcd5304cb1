import type { Lane } from '@app/protocol';
import type { JobHeaders, JobLanes, LaneLoad, OfferedMessage } from './job-lanes';

/**
 * Called for each message of a subscription. `reply` answers a request. Must not throw. Asynchronous work is the
 * handler's own.
 */
export type MessageHandler = (payload: Uint8Array, subject: string, reply?: (payload: Uint8Array) => void) => void;

/** Something that goes on until it is ended. */
export interface Subscription {
  unsubscribe(): void;
}

/** A job that was delivered to a worker. It counts as lag until it is acked or terminated. */
export interface Delivery {
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  /** The sequence number of the job in its lane, as returned by `publishJob`. */
  readonly sequence: number;
  /** The job is done. It is removed. */
  ack(): void;
  /** Hands the job back. It is delivered again after the delay, in milliseconds. */
  nak(delayMs?: number): void;
  /** Tells JetStream that work goes on. The message is not delivered again for another ack wait. */
  working(): void;
  /** Nobody wants the job. It is removed and never delivered again. */
  term(): void;
  /** The worker has finished with the job, with or without a verdict. For deliveries with a waiting offerer. */
  leave?(): void;
}

/** The jobs of one job class of a lane, for a worker. */
export interface JobSource {
  /**
   * Returns the waiting jobs, at most `max`. If none waits, returns the next one within `waitMs` milliseconds, or
   * nothing. Only one pull at a time.
   */
  pull(max: number, waitMs: number): Promise<Delivery[]>;
  /** Ends a waiting pull at once. It resolves to the jobs that were already on their way to it. */
  interrupt(): void;
  /** Interrupts the pull and ends all later ones at once. */
  close(): void;
}

/**
 * The message bus of the apps: work-queue lanes for jobs, plain subjects for everything else. There are two
 * implementations, NATS and one in memory for tests. Both pass the same conformance suite. Failures are ProblemError
 * `bus_unavailable`.
 */
export abstract class Broker implements JobLanes {
  /** Creates or updates the lane. Idempotent. */
  abstract ensureLane(lane: Lane): Promise<void>;
  /**
   * Puts a job into its lane. After `ttlMs` milliseconds it is removed, even while a worker holds it. Resolves to its
   * sequence number. No number is used twice in a lane, even if the server has lost its memory.
   */
  abstract publishJob(
    lane: Lane,
    jobClass: string,
    payload: Uint8Array,
    ttlMs: number,
    headers?: JobHeaders,
  ): Promise<number>;
  /** Removes a job that waits or runs. Returns false if it was already gone. */
  abstract deleteJob(lane: Lane, sequence: number): Promise<boolean>;
  abstract lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]>;
  /** Whether the job waits or is held by a worker. */
  abstract hasJob(lane: Lane, sequence: number): Promise<boolean>;
  abstract openSource(lane: Lane, jobClass: string): Promise<JobSource>;
  abstract load(lane: Lane): Promise<LaneLoad>;

  abstract publish(subject: string, payload: Uint8Array): void;
  /** `*` matches one token, `>` the rest. */
  abstract subscribe(subject: string, handler: MessageHandler): Subscription;
  /** Sends a request and returns the reply. Undefined if there is no subscriber or no reply in time. */
  abstract request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array | undefined>;
  /** Resolves when all earlier publishes and subscriptions have reached the server. */
  abstract flush(): Promise<void>;

  /** Whether the bus can be reached now. */
  abstract readonly connected: boolean;
  /** Called at each change of `connected`. */
  abstract onConnectionChange(listener: (connected: boolean) => void): Subscription;
  /** Sends what was published, then disconnects. */
  abstract close(): Promise<void>;
}
