import * as functions from './functions';
import type { FunctionRow } from './functions/function-row';

/** The type of a job. */
export type JobKind = (typeof functions)[keyof typeof functions]['kind'];

const byKind = (a: FunctionRow<JobKind>, b: FunctionRow<JobKind>): number => (a.kind < b.kind ? -1 : 1);

/** The function graph: every function once, sorted by kind. A function is a file of `functions/` and a line of its index. */
export const functionGraph: readonly FunctionRow<JobKind>[] = Object.values(functions).sort(byKind);

if (new Set(functionGraph.map(({ kind }) => kind)).size < functionGraph.length) {
  throw new RangeError('two functions of the graph have the same kind');
}

/** The row of a kind. */
export function functionOf(kind: JobKind): FunctionRow<JobKind> {
  const found = functionGraph.find((row) => row.kind === kind);
  if (!found) throw new RangeError(`no function of kind ${kind}`);
  return found;
}
