import type { Job, ResultOutput } from '../jobs/job';

/** How jobs of a function are offered: through its JetStream lane, or by a held-open POST to the inference service. */
export type Dispatch = 'queue' | 'request';

/** A priority class of a function's jobs. */
export interface JobClass {
  readonly name: string;
  /** How long a job may wait for a worker, since publishing. */
  readonly waitBudgetMs: number;
}

/** A type that stands in a row. It says nothing at run time; `OutputOf` and `InputOf` read it. */
export interface TypeMark<out T> {
  readonly is?: T;
}

/** Puts a type into a row: `output: typeOf<TtsOutput>()`. */
export const typeOf = <T>(): TypeMark<T> => ({});

/** What runs the model of a function: an engine of `libs/speech/src/engines`, by its name there. */
export interface FunctionEngine {
  readonly name: string;
  /** Engines whose steps it runs as well. A worker of this function serves functions of theirs without a process more. */
  readonly includes?: readonly string[];
}

/** One function of the graph. Everything that depends on the set of functions is derived from these rows. */
export interface FunctionRow<Kind extends string = string> {
  readonly kind: Kind;
  /** What a request of it is. The worker checks its messages against this class. */
  readonly job: new () => Job;
  /** What its handler answers; the last output is of type `end`. */
  readonly output: TypeMark<{ readonly type: string }>;
  /** What the session sends while a job runs. Absent: nothing. */
  readonly input?: TypeMark<{ readonly type: string }>;
  /** Where an attempt goes on, as the session says when a worker claims the job. Absent: always at the beginning. */
  readonly resume?: new () => object;
  readonly dispatch: Dispatch;
  /** What its lanes are: one for each model of the manifest that serves it, or a single one (`KIND.builtin`) for which nothing is fetched. */
  readonly models: 'manifest' | 'builtin';
  /** Absent: its handler computes the answer without a model. */
  readonly engine?: FunctionEngine;
  /** Classes of its jobs. Workers take them in turns, the first one first. */
  readonly classes: readonly JobClass[];
  /** How long a job that has given output may wait for another worker once its own is lost, if that is longer. */
  readonly takeOverBudgetMs: number;
  /** Longest run of a claimed job; with the wait budget it is the life of its message on the bus. */
  readonly longestRunMs: number;
  /** Seats of a worker of a lane. Deployments give every worker this number; a worker started by hand takes its profile's. */
  readonly seats: number;
  /** Share of its seats at which another worker is wanted: below 1 the next caller finds a seat while that one starts. */
  readonly headroom: number;
  readonly wantsGpu: boolean;
  /** Fewest and most workers of a lane. */
  readonly scale: { readonly min: number; readonly max: number };
}

/** A row of the graph, with everything that it names as a type. */
export const defineFunction = <const Row extends FunctionRow>(row: Row): Row => row;

/** What a function's handler answers: `OutputOf<typeof ttsFunction>`. */
export type OutputOf<Row extends FunctionRow> = Row['output'] extends TypeMark<infer Output> ? Output : never;

/** What a function's handler is sent while it runs; never where that is nothing. */
export type InputOf<Row extends FunctionRow> = Row extends { readonly input: TypeMark<infer Input> } ? Input : never;

/** The result of a function that answers once. */
export type ResultOf<Row extends FunctionRow> = OutputOf<Row> extends ResultOutput<infer Result> ? Result : never;

/** Whoever has heard nothing yet is refused rather than kept waiting longer. */
export const newcomerBudgetMs = 8_000;

/** Whoever is in the middle of a text is better served by a pause than by its end. */
export const listenerBudgetMs = 60_000;
