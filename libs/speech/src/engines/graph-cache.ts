import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SpeechError } from '../speech-error';
import { hashTrusted, isTrustedFolder, modelHash, readTrusted } from './trusted-files';

/** The description of files that are derived from a model. */
export interface Derivation {
  /** Lower-case letters, digits and hyphens. */
  readonly label: string;
  /** Increase this whenever the files are made differently, so that older files are not used. */
  readonly version: number;
  /** All inputs besides the model that decide the content of the files. */
  readonly inputs?: string;
}

/** Content by file name. */
export type DerivedFiles = Readonly<Record<string, Uint8Array>>;
/** Absolute paths by file name. */
export type KeptFiles = Readonly<Record<string, string>>;

const recordName = 'sha256.json';

/**
 * Caches files that are derived from a model, so that the next start does not make them again. The cache reads them
 * from the folder `.graphs` beside the model and from the graphs folder. It writes them to the first of the two that
 * this user can write. If neither is writable, the files are in a private temporary folder until the process ends.
 *
 * A folder or file is used only if it belongs to this user or to root, nobody else can write it, and it is no symbolic
 * link. The name of an entry contains the hash of the model and of all other inputs. The content of each file is
 * compared with the SHA-256 that was recorded when it was written. Files that fail a check are made again. Any number
 * of processes can use the cache at the same time.
 */
export class GraphCache {
  private constructor(
    private readonly folders: readonly string[],
    private readonly modelHash: string,
  ) {}

  /** Opens the cache of the model in this file. Default of `graphsFolder`: the cache folder of this user. */
  static async of(modelPath: string, graphsFolder?: string): Promise<GraphCache> {
    const folders = [
      join(dirname(modelPath), '.graphs'),
      ...(graphsFolder === undefined ? userFolder() : [graphsFolder]),
    ];
    return new GraphCache(folders, await modelHash(modelPath, folders));
  }

  /**
   * Returns the files of a derivation and makes them first if they are missing. Throws a SpeechError if they cannot be
   * stored anywhere.
   */
  async keep(derivation: Derivation, make: () => Promise<DerivedFiles> | DerivedFiles): Promise<KeptFiles> {
    const { folders } = this;
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
      throw new SpeechError('the graphs derived from the model cannot be stored: no folder is writable', { cause });
    });
  }

  private entryName({ label, version, inputs = '' }: Derivation): string {
    const key = JSON.stringify([this.modelHash, label, version, inputs]);
    return `${label}-${version}-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
  }
}

function userFolder(): string[] {
  try {
    return [join(homedir(), '.cache', 'antiphon', 'graphs')];
  } catch {
    // A container may run as a user without a home folder.
    return [];
  }
}

let ownFolder: Promise<string> | undefined;

/** A folder that only this process uses. It is removed when the process ends. */
function privateFolder(): Promise<string> {
  ownFolder ??= mkdtemp(join(tmpdir(), 'antiphon-graphs-')).then((folder) => {
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  });
  return ownFolder;
}

async function readRecord(entry: string): Promise<Record<string, unknown> | undefined> {
  const text = await readTrusted(join(entry, recordName));
  try {
    const record: unknown = JSON.parse(text ?? 'null');
    return typeof record === 'object' && record !== null ? (record as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The paths of an entry, if each of its files is unchanged since it was written. */
async function readEntry(entry: string): Promise<KeptFiles | undefined> {
  const record = (await isTrustedFolder(entry)) ? await readRecord(entry) : undefined;
  if (!record) return undefined;
  const paths: Record<string, string> = {};
  for (const [name, sha256] of Object.entries(record)) {
    const path = join(entry, name);
    if (dirname(path) !== entry || (await hashTrusted(path)) !== sha256) return undefined;
    paths[name] = path;
  }
  return paths;
}

/** Writes all files of an entry or none. Rejects if the folder is not writable or not trusted. */
async function writeEntry(folder: string, name: string, files: DerivedFiles): Promise<KeptFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isTrustedFolder(folder))) throw new SpeechError(`other users can write to the folder ${folder}`);
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

/** Another process may have written the entry first. Its entry stays if it is complete. */
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

/** The files of an earlier release take as much space as the model. A failure to remove them does no harm. */
async function removeOlder(folder: string, { label, version }: Derivation): Promise<void> {
  const prefix = `${label}-`;
  for (const name of await readdir(folder).catch(() => [])) {
    const found = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : NaN;
    if (found < version) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
