import type { Job } from '../jobs/job';

/** How jobs of a function are offered: through its JetStream lane, or by a held-open POST to the inference service. */
export type Dispatch = 'queue' | 'request';

/** A priority class of a function's jobs. */
export interface JobClass {
  readonly name: string;
  /** How long a job may wait for a worker, since publishing. */
  readonly waitBudgetMs: number;
}

/** One function of the graph. Everything that depends on the set of functions is derived from these rows. */
export interface FunctionRow<Kind extends string = string> {
  readonly kind: Kind;
  /** What a request of it is: its messages are checked against this class. */
  readonly job: new () => Job;
  readonly dispatch: Dispatch;
  /** What its lanes are: one for each model of the manifest that serves it, or a single one (`KIND.builtin`) that needs no model. */
  readonly models: 'manifest' | 'builtin';
  /** Priority classes of its lanes, in the order in which workers pull them. */
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

/** A row of the graph, with its kind as a type. */
export const defineFunction = <const Kind extends string>(row: FunctionRow<Kind>): FunctionRow<Kind> => row;

/** Whoever has heard nothing yet is refused rather than kept waiting longer. */
export const newcomerBudgetMs = 8_000;

/** Whoever is in the middle of a text is better served by a pause than by its end. */
export const listenerBudgetMs = 60_000;
