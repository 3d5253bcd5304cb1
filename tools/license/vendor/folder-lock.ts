import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isAlive } from '@app/artifacts';
import { ProblemError } from '@app/protocol';
import { ifThere } from './durable-file';

const refreshMs = 10_000;
/** A lock of another host that was not refreshed for so long belongs to a process that has ended. */
const staleMs = 60_000;

/** Locks of this process: the process id in the file does not tell them from those of an earlier process. */
const heldHere = new Set<string>();

/** Release of a lock. */
type Release = () => Promise<void>;

/**
 * Takes a lock file that one process can hold; rejects with a problem that names the holder. A holder that was killed is recognised:
 * on this host by its process id, on another host because nothing refreshes its file any more.
 */
export async function takeLock(file: string): Promise<Release> {
  if (heldHere.has(file)) throw taken(file, `${process.pid} ${hostname()}`);
  const mine = `${file}.${randomUUID()}`;
  const content = `${process.pid} ${hostname()} ${randomUUID()}\n`;
  await writeFile(mine, content, { mode: 0o600, flag: 'wx' });
  try {
    await removeStale(file);
    await link(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw taken(file, await ifThere(readFile(file, 'utf8')));
  } finally {
    await rm(mine, { force: true });
  }
  heldHere.add(file);
  const timer = setInterval(() => {
    const now = new Date();
    // Where it fails, the file is missing or the disk is; the work itself will say so.
    utimes(file, now, now).catch(() => undefined);
  }, refreshMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    heldHere.delete(file);
    if ((await ifThere(readFile(file, 'utf8'))) === content) await rm(file, { force: true });
  };
}

async function removeStale(file: string): Promise<void> {
  const content = await ifThere(readFile(file, 'utf8'));
  const facts = await ifThere(stat(file));
  if (content === undefined || !facts || isHeld(content, facts.mtimeMs)) return;
  const aside = `${file}.${randomUUID()}`;
  await ifThere(rename(file, aside));
  // Another process may have replaced the stale file before the rename: it gets its file back.
  const moved = await ifThere(readFile(aside, 'utf8'));
  if (moved !== undefined && moved !== content) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function isHeld(content: string, refreshedMs: number): boolean {
  const [pid = '', host] = content.trim().split(' ');
  if (host !== hostname()) return Date.now() - refreshedMs < staleMs;
  // In a container the next process often has the same id as the one before.
  return Number(pid) !== process.pid && isAlive(Number(pid));
}

function taken(file: string, content = ''): ProblemError {
  const [pid = 'unknown', host = 'unknown'] = content.trim().split(' ');
  return new ProblemError('bad_request', {
    detail: `Process ${pid} on ${host} serves this folder. Stop it first, or delete ${file} if it is another program.`,
  });
}
