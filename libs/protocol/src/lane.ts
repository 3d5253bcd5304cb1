import type { FunctionRow } from './functions/function-row';
import { functionGraph, functionOf, type JobKind } from './graph';
import { namePrefix } from './product';

/** A lane: the jobs of one kind for one model. It is the unit of scaling. Written `tts.piper`. */
export interface Lane {
  readonly kind: JobKind;
  /**
   * Model id, or `builtin` if no model is downloaded. Letters, digits and dashes, since it is a subject token and part
   * of a JetStream stream name.
   */
  readonly model: string;
}

const modelPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** The written form of a lane: `KIND.MODEL`. */
export const laneName = (lane: Lane): string => `${lane.kind}.${lane.model}`;

/** Parses `KIND.MODEL`. Throws a RangeError that says what is wrong. */
export function parseLane(name: string): Lane {
  const [kind, model, ...rest] = name.split('.');
  const row = functionGraph.find((candidate) => candidate.kind === kind);
  if (!row || !model || rest.length > 0 || !modelPattern.test(model)) {
    throw new RangeError(`a lane is KIND.MODEL with a kind of the function graph, not "${name}"`);
  }
  return { kind: row.kind, model };
}

/**
 * Name of the lane's JetStream stream, such as `ANTIPHON_TTS_PIPER`. It must not change, because scalers refer to it.
 */
export const jetStreamName = (lane: Lane): string =>
  [namePrefix, lane.kind, lane.model].join('_').replaceAll('-', '_').toUpperCase();

/** Names of the lane's durable consumers, one for each job class, in pulling order. */
export const laneClasses = (lane: Lane): readonly string[] => functionOf(lane.kind).classes.map(({ name }) => name);

/**
 * Longest wait of a job of this lane and class for a worker, in milliseconds. `newRequestBudgetMs` replaces the budget of the
 * first class. It raises the budgets of the other classes if they are shorter, so that a request with output never
 * waits less than a new one.
 */
export function waitBudgetMs(lane: Lane, jobClass: string, newRequestBudgetMs?: number): number {
  const { classes } = functionOf(lane.kind);
  const found = classes.find(({ name }) => name === jobClass);
  if (!found) throw new RangeError(`lane ${laneName(lane)} has no job class ${jobClass}`);
  if (newRequestBudgetMs === undefined) return found.waitBudgetMs;
  return found === classes[0] ? newRequestBudgetMs : Math.max(found.waitBudgetMs, newRequestBudgetMs);
}

/** Model of the only lane of a function that needs no download. */
export const builtinModel = 'builtin';

/**
 * The lanes of a function if these models of the manifest are installed: one for each, or its only lane if it needs
 * none of them.
 */
export const lanesOf = ({ kind, models }: FunctionRow<JobKind>, held: readonly string[]): Lane[] =>
  (models === 'builtin' ? [builtinModel] : [...new Set(held)]).map((model) => ({ kind, model }));

/** The function row that a lane belongs to. */
export const laneFunction = (lane: Lane): FunctionRow<JobKind> => functionOf(lane.kind);

/**
 * The lane among these whose engine also runs the steps of this lane's engine, so that one worker can serve both with
 * one engine. Undefined if there is none, or if this lane has models of its own.
 */
export function hostLane(lane: Lane, among: readonly Lane[]): Lane | undefined {
  const { models, engine } = laneFunction(lane);
  if (!engine || models === 'manifest') return undefined;
  return among.find((other) => laneFunction(other).engine?.includes?.includes(engine.name));
}
