import type { Job, ResultOutput } from '../jobs/job';

/**
 * How jobs of a function reach workers: through a JetStream lane (`queue`), or by a POST to the inference service that
 * stays open (`request`).
 */
export type Dispatch = 'queue' | 'request';

/** A class of a function's jobs. */
export interface JobClass {
  readonly name: string;
  /** Longest wait for a worker after publishing, in milliseconds. */
  readonly waitBudgetMs: number;
}

/** A type in a row. It has no value at run time. `OutputOf` and `InputOf` read it. */
export interface TypeMark<out T> {
  readonly is?: T;
}

/** Puts a type into a row: `output: typeOf<TtsOutput>()`. */
export const typeOf = <T>(): TypeMark<T> => ({});

/** The engine that runs the model of a function, by its name in `libs/speech/src/engines`. */
export interface FunctionEngine {
  readonly name: string;
  /**
   * Other engines whose steps it also runs. A worker of this function can serve their functions without another
   * process.
   */
  readonly includes?: readonly string[];
}

/** One function of the graph. Everything that depends on the set of functions is derived from these rows. */
export interface FunctionRow<Kind extends string = string> {
  readonly kind: Kind;
  /** The class of its jobs, which validates them at the worker. */
  readonly job: new () => Job;
  /** The outputs of its handler. The last output is of type `end`. */
  readonly output: TypeMark<{ readonly type: string }>;
  /** The inputs of a running job. Default: none. */
  readonly input?: TypeMark<{ readonly type: string }>;
  /** Where an attempt continues, as the session answers a claim. Default: at the start. */
  readonly resume?: new () => object;
  readonly dispatch: Dispatch;
  /**
   * Its lanes. `manifest`: one for each model of the manifest that serves it. `builtin`: a single one (`KIND.builtin`),
   * which needs no download.
   */
  readonly models: 'manifest' | 'builtin';
  /** Its engine. Absent if the handler computes the answer without a model. */
  readonly engine?: FunctionEngine;
  /** Its job classes. Workers take them in turns, the first one first. */
  readonly classes: readonly JobClass[];
  /**
   * Longest wait of a job with output for another worker after its own is lost, in milliseconds, if this is more than
   * its wait budget.
   */
  readonly failoverBudgetMs: number;
  /** Longest run of a claimed job, in milliseconds. The life of its message on NATS is this plus the wait budget. */
  readonly longestRunMs: number;
  /**
   * Number of seats of a worker of a lane. Deployments set this number for every worker. A worker that is started by
   * hand uses the number of its profile.
   */
  readonly seats: number;
  /**
   * Share of taken seats above which another worker is started. Below 1 the next caller finds a seat while that worker
   * starts.
   */
  readonly headroom: number;
  readonly wantsGpu: boolean;
  /** Fewest and most workers of a lane. */
  readonly scale: { readonly min: number; readonly max: number };
}

/** Defines a row of the graph and keeps its types. */
export const defineFunction = <const Row extends FunctionRow>(row: Row): Row => row;

/** The outputs of a function's handler: `OutputOf<typeof ttsFunction>`. */
export type OutputOf<Row extends FunctionRow> = Row['output'] extends TypeMark<infer Output> ? Output : never;

/** The inputs of a function's handler, or never if it has none. */
export type InputOf<Row extends FunctionRow> = Row extends { readonly input: TypeMark<infer Input> } ? Input : never;

/** The result of a function that answers once. */
export type ResultOf<Row extends FunctionRow> = OutputOf<Row> extends ResultOutput<infer Result> ? Result : never;

/** Wait budget of a new request, in milliseconds. After it, a refusal is better than a longer wait. */
export const newRequestBudgetMs = 8_000;

/**
 * Wait budget of a request with earlier output, in milliseconds. A pause in the middle of a text is better than its
 * end.
 */
export const listenerBudgetMs = 60_000;
