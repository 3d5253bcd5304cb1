import type { JobHeaders } from '../job-lanes';
import type { Job, Lane, ProblemError } from '@app/protocol';

/** An output of a job. Each kind has its own outputs. The last one is of type `end`. */
export interface JobOutput {
  readonly type: string;
}

/** An input of a running job. Each kind has its own inputs. */
export interface JobInput {
  readonly type: string;
}

/** A worker's claim to begin or continue the job. */
export interface Claim {
  readonly attempt: number;
  /** Milliseconds since the job was last published. */
  readonly waitedMs: number;
}

/**
 * The session's side of a job. Gets the outputs in order, each once, from the current attempt only. Then exactly one of
 * `onEnd` and `onProblem` is called.
 */
export interface JobListener {
  /**
   * Returns where a new attempt continues, in the form of the kind. Called at each claim and after each crash. Must
   * have no side effects.
   */
  resume(): object;
  /**
   * Called when a claim is granted. The answer contains what `resume` returned. Inputs that are sent from here on reach
   * the new attempt.
   */
  onClaim(claim: Claim): void;
  /** Called for each output except `end`. A body is a view that is valid only during the call. */
  onOutput(output: JobOutput, body: Uint8Array): void;
  onEnd(output: JobOutput): void;
  onProblem(problem: ProblemError): void;
}

/** A submitted job. */
export interface JobHandle {
  /**
   * Sends an input to the worker that holds the current attempt. Inputs are dropped while no worker does, since the
   * next claim says where to continue.
   */
  send<Input extends JobInput>(input: Input, body?: Uint8Array): void;
  /**
   * Stops the job in any state: a waiting job is deleted, a running one is stopped at its worker. The listener is not
   * called again.
   */
  cancel(reason: string): void;
}

/** The input of `submit`. The client adds ids and budgets. */
export interface JobRequest {
  readonly lane: Lane;
  /** Job class, one of its lane. */
  readonly jobClass: string;
  /** The kind's own fields. */
  readonly job: Omit<Job, 'jobId' | 'gatewayId'> & Record<string, unknown>;
  /** The binary part of the job. With the fields it must fit into one NATS message. */
  readonly body?: Uint8Array;
  /** Headers that are sent to the worker with every offer: the trace context. */
  readonly headers?: JobHeaders;
}
