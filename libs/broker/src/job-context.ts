import type { Job } from '@app/protocol';
import type { JobInput, JobOutput } from './client';
import type { JobHeaders } from './job-lanes';

/** What a handler gets beside its job. */
export interface JobContext {
  readonly jobId: string;
  /** From 1: which try at the job this is. */
  readonly attempt: number;
  /** What came with the job: its trace context. */
  readonly headers: JobHeaders;
  /** The binary part of the job; empty for most kinds. */
  readonly body: Uint8Array;
  /** Where the attempt goes on, as the session said when it was claimed; each kind validates its own. */
  readonly resume: object;
  /** Inputs of this attempt in order, from the first; for one reader. They end with the attempt. */
  readonly inputs: AsyncIterable<ReceivedInput>;
  /** Aborted when nobody wants the attempt any more: the handler frees what it holds at once. The reason is a `JobStopped`. */
  readonly signal: AbortSignal;
  /** Aborted when the worker drains: finish soon, or throw `HandBack` at a point where nothing is lost. */
  readonly drain: AbortSignal;
  /** Sends an output; the last is of type `end`. Its body may be reused after the next tick. Ignored once the attempt is over. */
  emit<Output extends JobOutput>(output: Output, body?: Uint8Array): void;
}

/**
 * Does the work of one job: sends its outputs and resolves. A retryable ProblemError hands the job back for a new attempt elsewhere,
 * which counts as a crash; any other problem ends the job with it; `HandBack` hands it back and counts nothing.
 */
export type JobHandler = (job: Job, context: JobContext) => Promise<void>;

/** An input as a handler gets it. */
export interface ReceivedInput {
  readonly input: JobInput;
  readonly body: Uint8Array;
}

/** Why a handler was stopped. `cancelled`: nobody wants the job. `lost`: another attempt goes on with it. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped';

  constructor(readonly why: 'cancelled' | 'lost') {
    super(`the attempt was stopped: ${why}`);
  }
}

/** Thrown by a handler that stops in good order before its job is done: the job goes to another worker, no crash is counted. */
export class HandBack extends Error {
  override readonly name = 'HandBack';
}
