import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** This folder is beside the artifacts, so that moving one into place is a rename. */
const incomingName = '.incoming';
const abandonedAfterMs = 24 * 3_600_000;
const separator = '@';

/** Creates an empty folder for one artifact that is being fetched. Its name identifies the process. */
export async function openIncoming(folder: string, id: string): Promise<string> {
  const path = join(folder, incomingName, incomingFolderName(id, process.pid));
  await mkdir(path, { recursive: true });
  return path;
}

const incomingFolderName = (id: string, pid: number): string =>
  [id, hostname(), String(pid), randomBytes(4).toString('hex')].join(separator);

/**
 * Removes the folders of interrupted processes: those of dead processes of this machine, and those older than a day.
 */
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
 * Replaces `<folder>/<id>` by a finished folder. The old one stays until then. Returns false and changes nothing if
 * another process has just replaced it.
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

/** Removes a folder with its content, even while a process that is being killed still writes into it. */
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
