import type { Dispatch } from './functions/function-row';
import { functionGraph, type JobKind } from './graph';

/** The dispatch of each function. */
export type Dispatches = ReadonlyMap<JobKind, Dispatch>;

/**
 * The dispatches of the graph, replaced by those of `KIND=queue` and `KIND=request` entries. Throws a RangeError that
 * names a wrong entry.
 */
export function dispatchesOf(entries: readonly string[] = []): Dispatches {
  const dispatches = new Map(functionGraph.map(({ kind, dispatch }) => [kind, dispatch]));
  for (const entry of entries) {
    const [kind, dispatch, ...rest] = entry.split('=');
    const row = functionGraph.find((candidate) => candidate.kind === kind);
    if (!row || (dispatch !== 'queue' && dispatch !== 'request') || rest.length > 0) {
      const kinds = functionGraph.map((each) => each.kind).join(', ');
      throw new RangeError(`a dispatch is KIND=queue or KIND=request with one of the kinds ${kinds}, not "${entry}"`);
    }
    dispatches.set(row.kind, dispatch);
  }
  return dispatches;
}
