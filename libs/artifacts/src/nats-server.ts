import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchArtifacts, type FetchOptions } from './fetch';
import { loadManifest } from './manifest';
import { planSync } from './plan';

/** Waiting jobs expire by per-message TTL, which needs version 2.11. */
const oldestVersion = [2, 11] as const;
/** Artifact id of the server, and the name of its program. */
export const natsServerId = 'nats-server';

/** A nats-server that can be started. */
export interface NatsServer {
  /** The command to spawn: a path, or the bare name if the one on the PATH is used. */
  readonly command: string;
  readonly version: string;
}

/**
 * The nats-server of this machine (`command`) if it is 2.11 or newer. Otherwise the pinned one, which is fetched into
 * the folder if it is missing. Throws the errors of fetchArtifacts, and `tool_missing` on a platform without a pinned
 * one.
 */
export async function resolveNatsServer(
  folder: string,
  options: FetchOptions = {},
  command: string = natsServerId,
): Promise<NatsServer> {
  const installed = await installedNatsServer(command);
  if (installed) return installed;
  const manifest = loadManifest();
  const plan = await planSync(manifest, [natsServerId], folder);
  await fetchArtifacts(plan, options);
  const version = [...plan.held, ...plan.missing][0]?.artifact.version ?? '';
  return { command: join(folder, natsServerId, natsServerId), version };
}

/** The nats-server on the PATH, or undefined if there is none that is new enough. */
export async function installedNatsServer(command: string = natsServerId): Promise<NatsServer | undefined> {
  const answer = await promisify(execFile)(command, ['--version'], { timeout: 5_000 }).catch(() => undefined);
  const [, version, major, minor] = /v((\d+)\.(\d+)\.\S+)/.exec(answer?.stdout ?? '') ?? [];
  if (version === undefined || !isNewEnough(Number(major), Number(minor))) return undefined;
  return { command, version };
}

const isNewEnough = (major: number, minor: number): boolean =>
  major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
