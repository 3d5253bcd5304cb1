import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream, rmSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, open, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SpeechError } from '../speech-error';

/** What is made from a model. */
export interface Derivation {
  /** Lower-case letters, digits and hyphens. */
  readonly label: string;
  /** Raised whenever the files are made differently, so that older ones are not used. */
  readonly version: number;
  /** Whatever else than the model decides what the files hold. */
  readonly inputs?: string;
}

/** Content by file name. */
export type DerivedFiles = Readonly<Record<string, Uint8Array>>;
/** Absolute paths by file name. */
export type KeptFiles = Readonly<Record<string, string>>;

const recordName = 'sha256.json';
const groupOrOthersMayWrite = 0o022;
const readBytes = 1 << 20;

/**
 * Keeps files that are made from a model, so that the next start need not make them. They are read from the folder `.graphs`
 * beside the model or from the graphs folder, and written to the first of them that this user can write. Where neither can be
 * written they are in a private temporary folder until the process ends.
 *
 * A folder or file is used only if it belongs to this user or to root, nobody else may write it, and it is no symbolic link. The
 * name of an entry holds the hash of the model and of all other inputs. The content of each file is compared with the SHA-256
 * that was recorded when it was written. Whatever fails a check is made again. Any number of processes may do this at once.
 */
export class GraphCache {
  private constructor(
    private readonly modelPath: string,
    private readonly modelHash: string,
    private readonly graphsFolder: string | undefined,
  ) {}

  /** Of the model in this file, which is read and hashed. `graphsFolder` is by default in the cache folder of this user. */
  static async of(modelPath: string, graphsFolder?: string): Promise<GraphCache> {
    const hash = createHash('sha256');
    await addTo(hash, createReadStream(modelPath, { highWaterMark: readBytes }));
    return new GraphCache(modelPath, hash.digest('hex'), graphsFolder);
  }

  /** The files of a derivation, made first if they are not there. Throws SpeechError where they can be kept nowhere. */
  async keep(derivation: Derivation, make: () => Promise<DerivedFiles> | DerivedFiles): Promise<KeptFiles> {
    const folders = this.folders();
    const entry = this.entryName(derivation);
    for (const folder of folders) {
      const kept = (await isTrustedFolder(folder)) ? await readEntry(join(folder, entry)) : undefined;
      if (kept) return kept;
    }
    const files = await make();
    for (const folder of folders) {
      const kept = await writeEntry(folder, entry, files).catch(() => undefined);
      if (!kept) continue;
      await removeOlder(folder, derivation);
      return kept;
    }
    return writeEntry(await privateFolder(), entry, files).catch((cause: unknown) => {
      throw new SpeechError('the graphs made from a model can be kept nowhere: no folder can be written', { cause });
    });
  }

  private folders(): string[] {
    const beside = join(dirname(this.modelPath), '.graphs');
    if (this.graphsFolder !== undefined) return [beside, this.graphsFolder];
    try {
      return [beside, join(homedir(), '.cache', 'antiphon', 'graphs')];
    } catch {
      // A container may run as a user that has no home.
      return [beside];
    }
  }

  private entryName({ label, version, inputs = '' }: Derivation): string {
    const key = JSON.stringify([this.modelHash, label, version, inputs]);
    return `${label}-${version}-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
  }
}

let ownFolder: Promise<string> | undefined;

/** Of this process alone, and removed when it ends. */
function privateFolder(): Promise<string> {
  ownFolder ??= mkdtemp(join(tmpdir(), 'antiphon-graphs-')).then((folder) => {
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  });
  return ownFolder;
}

/** Root may do anything anyway. Windows knows no owners. */
function isTrusted({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  const user = process.getuid?.();
  return user === undefined || ((uid === user || uid === 0) && (mode & groupOrOthersMayWrite) === 0);
}

async function isTrustedFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && isTrusted(found);
}

async function addTo(hash: Hash, stream: AsyncIterable<Buffer>): Promise<void> {
  for await (const bytes of stream) hash.update(bytes);
}

/** Calls back with an open file that can be trusted; undefined where it cannot be or does not exist. */
async function withTrustedFile<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (!file) return undefined;
  try {
    const found = await file.stat();
    return found.isFile() && isTrusted(found) ? await read(file) : undefined;
  } finally {
    await file.close();
  }
}

const hashOf = (path: string): Promise<string | undefined> =>
  withTrustedFile(path, async (file) => {
    const hash = createHash('sha256');
    await addTo(hash, file.createReadStream({ highWaterMark: readBytes, autoClose: false }));
    return hash.digest('hex');
  });

async function readRecord(entry: string): Promise<Record<string, unknown> | undefined> {
  const text = await withTrustedFile(join(entry, recordName), (file) => file.readFile('utf8'));
  try {
    const record: unknown = JSON.parse(text ?? 'null');
    return typeof record === 'object' && record !== null ? (record as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The paths of an entry of which every file is as it was written. */
async function readEntry(entry: string): Promise<KeptFiles | undefined> {
  const record = (await isTrustedFolder(entry)) ? await readRecord(entry) : undefined;
  if (!record) return undefined;
  const paths: Record<string, string> = {};
  for (const [name, sha256] of Object.entries(record)) {
    const path = join(entry, name);
    if (dirname(path) !== entry || (await hashOf(path)) !== sha256) return undefined;
    paths[name] = path;
  }
  return paths;
}

/** Writes all files of an entry or none. Rejects where the folder cannot be written or is not trusted. */
async function writeEntry(folder: string, name: string, files: DerivedFiles): Promise<KeptFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrustedFolder(folder))) throw new SpeechError(`others may write the folder ${folder}`);
  const draft = await mkdtemp(join(folder, '.draft-'));
  try {
    const record: Record<string, string> = {};
    for (const [file, content] of Object.entries(files)) {
      record[file] = createHash('sha256').update(content).digest('hex');
      await writeFile(join(draft, file), content, { mode: 0o600, flag: 'wx' });
    }
    await writeFile(join(draft, recordName), JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    return await moveInto(draft, join(folder, name), Object.keys(files));
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Another process may have been faster. Then its entry stays if it is whole. */
async function moveInto(draft: string, entry: string, names: readonly string[]): Promise<KeptFiles> {
  const isMoved = (): Promise<boolean> =>
    rename(draft, entry).then(
      () => true,
      () => false,
    );
  if (!(await isMoved())) {
    const known = await readEntry(entry);
    if (known) return known;
    await rm(entry, { recursive: true, force: true });
    if (!(await isMoved())) throw new SpeechError(`the folder ${entry} cannot be replaced`);
  }
  return Object.fromEntries(names.map((name) => [name, join(entry, name)]));
}

/** What an earlier release made takes as much room as the model. Where it cannot be removed it does no harm. */
async function removeOlder(folder: string, { label, version }: Derivation): Promise<void> {
  const prefix = `${label}-`;
  for (const name of await readdir(folder).catch(() => [])) {
    const found = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : NaN;
    if (found < version) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
