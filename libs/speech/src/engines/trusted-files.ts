import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const groupOrOthersMayWrite = 0o022;
const readBytes = 1 << 20;

/** Root can change every file anyway. Windows has no owner ids. */
function isTrusted({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  const user = process.getuid?.();
  return user === undefined || ((uid === user || uid === 0) && (mode & groupOrOthersMayWrite) === 0);
}

/**
 * Whether this is a folder that belongs to this user or to root, is no symbolic link, and is not writable by anyone
 * else.
 */
export async function isTrustedFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && isTrusted(found);
}

/**
 * Opens a file and calls `use` with it. The file must belong to this user or to root, be no symbolic link, and not be
 * writable by anyone else. Returns undefined for all other files.
 */
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

/** The text of a trusted file, or undefined if there is none. */
export const readTrusted = (path: string): Promise<string | undefined> =>
  withTrusted(path, (file) => file.readFile('utf8'));

/** SHA-256 of a trusted file as hexadecimal digits, or undefined if there is none. */
export const hashTrusted = (path: string): Promise<string | undefined> => withTrusted(path, hashOf);

/** One buffer is used for the whole file, since reading into fresh memory takes as long as hashing. */
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
 * SHA-256 of a model as hexadecimal digits. The hash is recorded in one of these folders together with the file's
 * identity and time of last change. If a trusted record matches the file, the model is not read again. No user can set
 * the time of its last change back.
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
