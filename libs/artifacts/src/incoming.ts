import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Beside the artifacts, so that moving one into place is a rename. */
const incomingName = '.incoming';
const abandonedAfterMs = 24 * 3_600_000;
const separator = '@';

/** A new empty folder for one artifact in the making; its name says who makes it. */
export async function openIncoming(folder: string, id: string): Promise<string> {
  const path = join(folder, incomingName, incomingFolderName(id, process.pid));
  await mkdir(path, { recursive: true });
  return path;
}

const incomingFolderName = (id: string, pid: number): string =>
  [id, hostname(), String(pid), randomBytes(4).toString('hex')].join(separator);

/** Removes what interrupted processes left: those of this machine that are gone, and anything a day old. */
export async function sweepIncoming(folder: string): Promise<void> {
  const home = join(folder, incomingName);
  for (const name of await readdir(home).catch(() => [])) {
    const path = join(home, name);
    const [, host, pid] = name.split(separator);
    const gone = host === hostname() && !isAlive(Number(pid));
    const ageMs = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (gone || ageMs > abandonedAfterMs) await removeFolder(path);
  }
}

/**
 * Puts a finished folder in the place of `<folder>/<id>`; the old one stays until then. Answers false, and changes
 * nothing, if another process put its own there in the same moment.
 */
export async function swapIn(finished: string, folder: string, id: string): Promise<boolean> {
  const home = join(folder, id);
  const old = `${finished}${separator}old`;
  await rename(home, old).catch(ignoreCodes('ENOENT'));
  try {
    await rename(finished, home);
    return true;
  } catch (error) {
    ignoreCodes('ENOTEMPTY', 'EEXIST')(error);
    return false;
  } finally {
    await removeFolder(old);
  }
}

/** Removes a folder with all it holds, even while a process that is being killed still writes into it. */
export const removeFolder = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

const ignoreCodes =
  (...codes: string[]) =>
  (error: unknown): void => {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  };

/** Whether this machine has a process with this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
