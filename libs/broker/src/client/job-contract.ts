import type { JobHeaders } from '../job-lanes';
import type { Job, Lane, ProblemError, ResultOutput, SttInput, SttOutput, TtsOutput } from '@app/protocol';

/** What any kind of job can answer. */
export type JobOutput = TtsOutput | SttOutput | ResultOutput;
/** What any kind of job can be sent. */
export type JobInput = SttInput;

/** A worker asks to begin (or go on with) the job. */
export interface Claim {
  readonly attempt: number;
  readonly workerId: string;
  /** Since the job was (last) published. */
  readonly waitedMs: number;
}

/** Where an attempt goes on. */
export interface Resumption {
  /** First sample that the session still needs: of the utterance's audio (TTS), of the stream (STT). */
  readonly offsetSamples: number;
  /** TTS: durations of an earlier attempt's plan. */
  readonly durations?: readonly number[];
}

/** The session's side of a job. Outputs come in order, each once, of the current attempt only; then exactly one of `onEnd`, `onProblem`. */
export interface JobListener {
  /** Called at every granted claim, before the worker is answered. Inputs sent from here on reach the new attempt. */
  onClaim(claim: Claim): Resumption;
  /** A body is a view that is valid only during the call. `end` is not passed here. */
  onOutput(output: JobOutput, body: Uint8Array): void;
  onEnd(output: Extract<JobOutput, { type: 'end' }>): void;
  onProblem(problem: ProblemError): void;
}

/** A submitted job. */
export interface JobHandle {
  readonly jobId: string;
  /** 0 until a worker has claimed it. */
  readonly attempt: number;
  /** To the worker that holds the current attempt; dropped while none does (the next claim says where to go on). */
  send(input: JobInput, body?: Uint8Array): void;
  /** Stops it wherever it is: deleted while waiting, stopped at its worker while running. No listener call follows. */
  cancel(reason: string): void;
}

/** What `submit` needs; ids and budgets are filled in by the client. */
export interface JobRequest {
  readonly lane: Lane;
  /** Priority class of the lane. */
  readonly jobClass: string;
  /** The kind's own fields. */
  readonly job: Omit<Job, 'jobId' | 'gatewayId' | 'waitBudgetMs'> & Record<string, unknown>;
  /** The kind's binary part; with the fields it must fit in one message of the bus. */
  readonly body?: Uint8Array;
  /** Go with every offer of it to the worker: the trace context. */
  readonly headers?: JobHeaders;
}
