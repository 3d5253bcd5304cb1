/** How jobs of a function are offered: through its JetStream lane, or by a held-open POST to the inference service. */
export type Dispatch = 'queue' | 'request';

/** A priority class of a function's jobs. */
export interface JobClass {
  readonly name: string;
  /** How long a job may wait for a worker, since publishing. */
  readonly waitBudgetMs: number;
}

/** One function of the graph. Everything that depends on the set of functions is derived from these rows. */
export interface FunctionRow {
  readonly kind: JobKind;
  readonly dispatch: Dispatch;
  /** Priority classes of its lanes, in the order in which workers pull them. */
  readonly classes: readonly JobClass[];
  /** How long a job that has given output may wait for another worker once its own is lost, if that is longer. */
  readonly takeOverBudgetMs: number;
  /** Longest run of a claimed job; with the wait budget it is the life of its message on the bus. */
  readonly longestRunMs: number;
  /** Seats of a worker unless configured. */
  readonly seats: number;
  readonly wantsGpu: boolean;
  /** Fewest and most workers of a lane. */
  readonly scale: { readonly min: number; readonly max: number };
}

/** The type of a job. */
export type JobKind = 'tts' | 'stt';

/** Whoever has heard nothing yet is refused rather than kept waiting longer. */
const newcomerBudgetMs = 8_000;
/** Whoever is in the middle of a text is better served by a pause than by its end. */
const listenerBudgetMs = 60_000;

/** The function graph. */
export const functionGraph: readonly FunctionRow[] = [
  {
    kind: 'stt',
    dispatch: 'queue',
    classes: [{ name: 'open', waitBudgetMs: newcomerBudgetMs }],
    takeOverBudgetMs: listenerBudgetMs,
    longestRunMs: 4 * 3_600_000,
    seats: 8,
    wantsGpu: true,
    scale: { min: 0, max: 25 },
  },
  {
    kind: 'tts',
    dispatch: 'queue',
    classes: [
      { name: 'first', waitBudgetMs: newcomerBudgetMs },
      { name: 'rest', waitBudgetMs: listenerBudgetMs },
    ],
    takeOverBudgetMs: listenerBudgetMs,
    longestRunMs: 300_000,
    seats: 8,
    wantsGpu: true,
    scale: { min: 0, max: 25 },
  },
];

/** The row of a kind. */
export function functionOf(kind: JobKind): FunctionRow {
  const found = functionGraph.find((row) => row.kind === kind);
  if (!found) throw new RangeError(`no function of kind ${kind}`);
  return found;
}
