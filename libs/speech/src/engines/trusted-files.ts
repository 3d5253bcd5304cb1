import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const groupOrOthersMayWrite = 0o022;
const readBytes = 1 << 20;

/** Root may do anything anyway. Windows knows no owners. */
function isTrusted({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  const user = process.getuid?.();
  return user === undefined || ((uid === user || uid === 0) && (mode & groupOrOthersMayWrite) === 0);
}

/** Whether this is a folder, no symbolic link, that belongs to this user or to root and that nobody else may write. */
export async function isTrustedFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && isTrusted(found);
}

/** Calls back with a file, no symbolic link, that belongs to this user or to root and that nobody else may write; else undefined. */
async function withTrusted<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (!file) return undefined;
  try {
    const found = await file.stat();
    return found.isFile() && isTrusted(found) ? await use(file) : undefined;
  } finally {
    await file.close();
  }
}

/** The text of a trusted file; undefined where there is none. */
export const readTrusted = (path: string): Promise<string | undefined> =>
  withTrusted(path, (file) => file.readFile('utf8'));

/** SHA-256 of a trusted file as hexadecimal digits; undefined where there is none. */
export const hashTrusted = (path: string): Promise<string | undefined> => withTrusted(path, hashOf);

/** One buffer for the whole file: reading into fresh memory takes as long as hashing. */
async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, readBytes);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}

/**
 * SHA-256 of a model, as hexadecimal digits. A note in one of these folders, if it can be trusted, spares reading a model whose
 * file is the very same and has not changed since: no user can set the time of its last change back.
 */
export async function modelHash(modelPath: string, folders: readonly string[]): Promise<string> {
  const { dev, ino, size, mtimeMs, ctimeMs } = await stat(modelPath);
  const file = [resolve(modelPath), dev, ino, size, mtimeMs, ctimeMs].join(' ');
  const name = `model-${createHash('sha256').update(file).digest('hex').slice(0, 32)}`;
  for (const folder of folders) {
    const note = (await isTrustedFolder(folder)) ? await readTrusted(join(folder, name)) : undefined;
    if (note !== undefined && /^[0-9a-f]{64}$/.test(note)) return note;
  }
  const model = await open(modelPath);
  const digest = await hashOf(model).finally(() => model.close());
  for (const folder of folders) if (await wroteNote(folder, name, digest)) break;
  return digest;
}

async function wroteNote(folder: string, name: string, text: string): Promise<boolean> {
  const draft = join(folder, `.${name}.${process.pid}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await isTrustedFolder(folder))) return false;
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, join(folder, name));
    return true;
  } catch {
    return false;
  }
}
