import type { Job } from '@app/protocol';
import type { JobInput, JobOutput } from './client';
import type { JobHeaders } from './job-lanes';

/** The second argument of a handler. */
export interface JobContext {
  readonly jobId: string;
  /** Number of the attempt at the job, from 1. */
  readonly attempt: number;
  /** The headers of the job: its trace context. */
  readonly headers: JobHeaders;
  /** The binary part of the job; empty for most kinds. */
  readonly body: Uint8Array;
  /** Where the attempt continues, as the session answered the claim. Each kind validates its own form. */
  readonly resume: object;
  /** The inputs of this attempt, in order from the first. For one reader. They end with the attempt. */
  readonly inputs: AsyncIterable<ReceivedInput>;
  /**
   * Aborts when nobody needs the attempt any more. The handler must free its resources at once. The reason is a
   * `JobStopped`.
   */
  readonly signal: AbortSignal;
  /**
   * Aborts when the worker drains. The handler should finish soon, or throw `HandBack` at a point where nothing is
   * lost.
   */
  readonly drain: AbortSignal;
  /**
   * Sends an output. The last one is of type `end`. The buffer of the body may be reused after the next tick. Calls
   * after the end of the attempt are ignored.
   */
  emit<Output extends JobOutput>(output: Output, body?: Uint8Array): void;
}

/**
 * Does the work of one job: sends its outputs, then resolves. If it throws a retryable ProblemError, another worker
 * makes a new attempt, and this one counts as a crash. Any other problem ends the job. `HandBack` hands the job back
 * without counting a crash.
 */
export type JobHandler = (job: Job, context: JobContext) => Promise<void>;

/** An input that a handler receives. */
export interface ReceivedInput {
  readonly input: JobInput;
  readonly body: Uint8Array;
}

/** The reason for which a handler was stopped. `cancelled`: nobody wants the job. `lost`: another attempt continues it. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped';

  constructor(readonly why: 'cancelled' | 'lost') {
    super(`the attempt was stopped: ${why}`);
  }
}

/**
 * A handler throws this to stop in good order before its job is done. The job goes to another worker, and no crash is
 * counted.
 */
export class HandBack extends Error {
  override readonly name = 'HandBack';
}
