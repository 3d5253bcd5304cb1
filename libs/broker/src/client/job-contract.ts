import type { JobHeaders } from '../job-lanes';
import type { Job, Lane, ProblemError } from '@app/protocol';

/** What a job answers; each kind has its own. The last one is of type `end`. */
export interface JobOutput {
  readonly type: string;
}

/** What a job can be sent while it runs; each kind has its own. */
export interface JobInput {
  readonly type: string;
}

/** A worker asks to begin (or go on with) the job. */
export interface Claim {
  readonly attempt: number;
  readonly workerId: string;
  /** Since the job was (last) published. */
  readonly waitedMs: number;
}

/** The session's side of a job. Outputs come in order, each once, of the current attempt only; then exactly one of `onEnd`, `onProblem`. */
export interface JobListener {
  /** Called at every granted claim, before the worker is answered: where the attempt goes on. Inputs sent from here on reach it. */
  onClaim(claim: Claim): object;
  /** A body is a view that is valid only during the call. `end` is not passed here. */
  onOutput(output: JobOutput, body: Uint8Array): void;
  onEnd(output: JobOutput): void;
  onProblem(problem: ProblemError): void;
}

/** A submitted job. */
export interface JobHandle {
  readonly jobId: string;
  /** To the worker that holds the current attempt; dropped while none does (the next claim says where to go on). */
  send<Input extends JobInput>(input: Input, body?: Uint8Array): void;
  /** Stops it wherever it is: deleted while waiting, stopped at its worker while running. No listener call follows. */
  cancel(reason: string): void;
}

/** What `submit` needs; ids and budgets are filled in by the client. */
export interface JobRequest {
  readonly lane: Lane;
  /** Priority class of the lane. */
  readonly jobClass: string;
  /** The kind's own fields. */
  readonly job: Omit<Job, 'jobId' | 'gatewayId'> & Record<string, unknown>;
  /** The kind's binary part; with the fields it must fit in one message of the bus. */
  readonly body?: Uint8Array;
  /** Go with every offer of it to the worker: the trace context. */
  readonly headers?: JobHeaders;
}
