import type { Observable } from 'rxjs';
import type { JobInput, JobOutput } from './client';
import type { JobHeaders } from './job-lanes';

/**
 * What a handler gets beside its job. A handler is `(job, context) => Observable<JobEmission>`: it emits outputs, the last of
 * type `end`, and completes. It is unsubscribed when the job is cancelled or lost: then it frees its seat at once. Throwing a
 * retryable ProblemError hands the job back for a new attempt elsewhere; any other problem ends the job with it.
 */
export interface JobContext {
  readonly jobId: string;
  readonly attempt: number;
  /** First sample that the session still needs. */
  readonly offsetSamples: number;
  /** TTS: durations of an earlier attempt's plan. */
  readonly durations: readonly number[] | undefined;
  /** What came with the job. */
  readonly headers: JobHeaders;
  /** The binary part of the job; empty for most kinds. */
  readonly body: Uint8Array;
  /** Inputs of this attempt in order, from the first; ends never by itself. */
  readonly inputs: Observable<{ readonly input: JobInput; readonly body: Uint8Array }>;
  /** Emits once when the worker drains: finish soon, or throw HandBack at a point where nothing is lost. */
  readonly drain: Observable<void>;
}

/** One output of a handler. The body may be reused by the handler only after the next tick. */
export interface JobEmission {
  readonly output: JobOutput;
  readonly body?: Uint8Array;
}

/** Thrown by a handler that stops in good order before its job is done: the job goes to another worker, no crash is counted. */
export class HandBack extends Error {
  override readonly name = 'HandBack';
}
