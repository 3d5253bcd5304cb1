import * as functions from './functions';
import type { FunctionRow } from './functions/function-row';

/** The type of a job. */
export type JobKind = (typeof functions)[keyof typeof functions]['kind'];

/** The function graph: all functions, sorted by kind. A function is a file of `functions/` and a line of its index. */
export const functionGraph: readonly FunctionRow<JobKind>[] = sortedGraph(Object.values(functions));

/** Sorts the rows by kind. Throws a RangeError if two have the same kind, or if one has models and no engine. */
export function sortedGraph<Kind extends string>(rows: readonly FunctionRow<Kind>[]): FunctionRow<Kind>[] {
  if (new Set(rows.map(({ kind }) => kind)).size < rows.length) {
    throw new RangeError('two functions of the graph have the same kind');
  }
  const idle = rows.find(({ models, engine }) => models === 'manifest' && !engine);
  if (idle) throw new RangeError(`the function ${idle.kind} takes models of the manifest and names no engine`);
  return [...rows].sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

/** The row of a kind. */
export function functionOf(kind: JobKind): FunctionRow<JobKind> {
  const found = functionGraph.find((row) => row.kind === kind);
  if (!found) throw new RangeError(`no function of kind ${kind}`);
  return found;
}
