import { readdirSync, readFileSync } from 'node:fs';

/** Proportional memory of processes and their children in MB. Shared pages count once. Undefined without /proc. */
export function memoryMb(pids: readonly number[]): number | undefined {
  try {
    return pids.flatMap(withChildren).reduce((sum, pid) => sum + proportionalKb(pid), 0) / 1_024;
  } catch {
    return undefined;
  }
}

const proportionalKb = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);

function withChildren(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withChildren)];
}
