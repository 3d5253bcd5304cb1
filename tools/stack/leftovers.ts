import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isAlive } from '@app/artifacts';
import { type RunFile } from './run-file';

const pollMs = 50;

/** The processes of the run that still exist and are ours: ids are reused, so each one's command is looked at. */
export const survivorsOf = (run: RunFile): { part: string; pid: number }[] =>
  Object.entries(run.pids)
    .map(([part, pid]) => ({ part, pid }))
    .filter(({ pid }) => isAlive(pid) && /bootstrap\.mjs|main\.js|nats-server|prometheus/.test(commandOf(pid)));

/** Sends SIGTERM to the launcher, or to its parts if it is gone; resolves to whether all had ended in time. */
export async function stopLeftovers(run: RunFile, timeoutMs: number): Promise<boolean> {
  const alive = survivorsOf(run);
  const launcher = alive.filter(({ part }) => part === 'launcher');
  for (const { pid } of launcher.length > 0 ? launcher : alive) process.kill(pid, 'SIGTERM');
  const until = Date.now() + timeoutMs;
  while (survivorsOf(run).length > 0) {
    if (Date.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return commandByPs(pid);
  }
}

/** For systems without /proc. */
function commandByPs(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
