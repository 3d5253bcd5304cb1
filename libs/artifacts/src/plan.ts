import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';
import { sha256OfFile } from './checksum';
import {
  buildFor,
  chooseArtifacts,
  thisPlatform,
  type Artifact,
  type ArtifactBuild,
  type ArtifactFile,
  type Manifest,
} from './manifest';

/** An artifact with its build for this machine. */
export interface PlannedArtifact {
  readonly artifact: Artifact;
  readonly build: ArtifactBuild;
}

/** The wanted artifacts, divided into those that a folder has and those that it lacks. */
export interface SyncPlan {
  readonly folder: string;
  readonly held: readonly PlannedArtifact[];
  readonly missing: readonly PlannedArtifact[];
}

/** The result of verifying one file. */
export interface VerifiedFile {
  readonly id: string;
  readonly path: string;
  readonly state: 'ok' | 'missing' | 'corrupt';
}

/** Name of the file that records which version of an artifact was verified in its folder. */
const receiptName = '.verified';

/**
 * Compares the wanted artifacts with a folder. An artifact is hashed once and recognised by its receipt and file sizes
 * afterwards. Throws `artifact_unavailable` for an unknown id and `tool_missing` if no build fits this platform.
 */
export async function planSync(
  manifest: Manifest,
  wantedIds: readonly string[],
  folder: string,
  platform: string = thisPlatform,
): Promise<SyncPlan> {
  const held: PlannedArtifact[] = [];
  const missing: PlannedArtifact[] = [];
  for (const artifact of chooseArtifacts(manifest, wantedIds)) {
    const planned = { artifact, build: requireBuild(artifact, platform) };
    ((await isHeld(planned, folder)) ? held : missing).push(planned);
  }
  return { folder, held, missing };
}

function requireBuild(artifact: Artifact, platform: string): ArtifactBuild {
  const build = buildFor(artifact, platform);
  if (build) return build;
  const code = artifact.kind === 'tool' ? 'tool_missing' : 'artifact_unavailable';
  throw new ProblemError(code, {
    detail: `${artifact.title} is not pinned for ${platform}: install it yourself from ${artifact.origin}.`,
  });
}

/** Whether a folder has all files of exactly this build. */
export async function isHeld(planned: PlannedArtifact, folder: string): Promise<boolean> {
  const home = join(folder, planned.artifact.id);
  for (const file of planned.build.files) {
    if ((await sizeOf(join(home, file.path))) !== file.bytes) return false;
  }
  const receipt = await readFile(join(home, receiptName), 'utf8').catch(() => '');
  if (receipt === receiptOf(planned.build)) return true;
  const states = await Promise.all(planned.build.files.map((file) => stateOf(home, file)));
  if (states.some((state) => state !== 'ok')) return false;
  // Without write access there is no receipt, and the next check hashes the files again.
  await writeReceipt(home, planned.build).catch(() => undefined);
  return true;
}

/** Hashes every file of these artifacts again. An artifact with a wrong file no longer counts as installed. */
export async function verifyArtifacts(
  manifest: Manifest,
  ids: readonly string[],
  folder: string,
  platform: string = thisPlatform,
): Promise<VerifiedFile[]> {
  const verified: VerifiedFile[] = [];
  for (const artifact of chooseArtifacts(manifest, ids)) {
    const home = join(folder, artifact.id);
    for (const file of requireBuild(artifact, platform).files) {
      const state = await stateOf(home, file);
      if (state === 'corrupt') await rm(join(home, receiptName), { force: true });
      verified.push({ id: artifact.id, path: file.path, state });
    }
  }
  return verified;
}

/** Records in an artifact's folder that all its files were hashed and are correct. */
export const writeReceipt = (home: string, build: ArtifactBuild): Promise<void> =>
  writeFile(join(home, receiptName), receiptOf(build));

const receiptOf = ({ files }: ArtifactBuild): string =>
  createHash('sha256')
    .update(files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''))
    .digest('hex');

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );

async function stateOf(home: string, file: ArtifactFile): Promise<VerifiedFile['state']> {
  const path = join(home, file.path);
  const size = await sizeOf(path);
  if (size === undefined) return 'missing';
  return size === file.bytes && (await sha256OfFile(path)) === file.sha256 ? 'ok' : 'corrupt';
}
