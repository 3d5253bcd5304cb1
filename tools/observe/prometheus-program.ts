import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ProblemError } from '@app/protocol';

/** A Prometheus that can be started, with the checker of its rules. */
export interface PrometheusProgram {
  /** What to spawn: a path, or the bare name where the one on the PATH serves. */
  readonly prometheus: string;
  readonly promtool: string;
  readonly version: string;
  /** Files of its pages, where it does not find them by itself. */
  readonly assetsFolder?: string;
}

/** Where an own copy lives, and what may be done to get it. */
export interface PrometheusSource {
  readonly folder: string;
  /** Fetch nothing. */
  readonly offline?: boolean;
  /** Names or paths to try before the own copy; for tests. */
  readonly installed?: Pick<PrometheusProgram, 'prometheus' | 'promtool'>;
}

const execute = promisify(execFile);
/** In the environment as it is at the call. */
const run = (command: string, args: readonly string[], options: { cwd?: string; timeout?: number } = {}) =>
  execute(command, args, { ...options, env: process.env });
const packageName = 'prometheus';
const onPath = { prometheus: 'prometheus', promtool: 'promtool' };
const advice =
  'install it (as root: apt-get install prometheus), or put prometheus and promtool of its release on the PATH.';

/** The folder of the own copy within a checkout; all stacks and tests of the checkout share it. */
export const prometheusFolder = (root: string): string => join(root, '.antiphon', packageName);

/**
 * The Prometheus of this machine, else an own copy from the package of Debian or Ubuntu, unpacked into the folder without
 * root; fetched once. Throws `tool_missing` with what to do where there is neither.
 */
export async function findPrometheus(source: PrometheusSource): Promise<PrometheusProgram> {
  const programs = [source.installed ?? onPath, unpackedIn(source.folder)];
  for (const program of programs) {
    const version = await versionOf(program);
    if (version !== undefined) return { ...program, version };
  }
  if (source.offline) throw missing('Prometheus is not on the PATH, and --offline fetches nothing');
  await unpack(source.folder);
  const version = await versionOf(unpackedIn(source.folder));
  if (version === undefined) throw missing('The Prometheus that was fetched does not run on this machine');
  return { ...unpackedIn(source.folder), version };
}

function unpackedIn(folder: string): Omit<PrometheusProgram, 'version'> {
  const programs = join(folder, 'usr/bin');
  return {
    prometheus: join(programs, 'prometheus'),
    promtool: join(programs, 'promtool'),
    assetsFolder: join(folder, 'usr/share/prometheus/web/'),
  };
}

/** Undefined unless both programs run. */
async function versionOf({ prometheus, promtool }: Pick<PrometheusProgram, 'prometheus' | 'promtool'>) {
  try {
    const [answer] = await Promise.all(
      [prometheus, promtool].map((program) => run(program, ['--version'], { timeout: 10_000 })),
    );
    return /version (\d+\.\d+\.\d+)/.exec(answer?.stdout ?? '')?.[1];
  } catch {
    return undefined;
  }
}

/** Beside the folder first, so that a copy is there whole or not at all. */
async function unpack(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const incoming = mkdtempSync(`${folder}.incoming-`);
  try {
    const packages = join(incoming, 'packages');
    mkdirSync(packages);
    await download(packages);
    const unpacked = join(incoming, 'unpacked');
    for (const file of readdirSync(packages).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(packages, file), unpacked]);
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
  } catch (error) {
    // Another start may have installed it in the meantime.
    if (!existsSync(unpackedIn(folder).prometheus)) throw missing('Prometheus is not on the PATH', error);
  } finally {
    rmSync(incoming, { recursive: true, force: true });
  }
}

/** apt checks what it fetches against the signed lists. Where this machine's lists do not know the package, own ones are fetched. */
async function download(into: string): Promise<void> {
  try {
    await downloadWith([], into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    const lists = join(into, 'lists');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${join(into, 'cache')}`];
    await run('apt-get', [...own, 'update'], { cwd: into });
    await downloadWith(own, into);
  }
}

/** The program itself needs the C library only; its pages need the scripts and fonts that the package depends on. */
async function downloadWith(options: readonly string[], cwd: string): Promise<void> {
  const { stdout } = await run('apt-cache', [...options, 'depends', '--recurse', '--important', packageName], { cwd });
  const ofPages = [...stdout.matchAll(/^ +Depends: ((?:libjs|fonts)-\S+)$/gm)].map(([, name]) => name ?? '');
  await run('apt-get', [...options, 'download', packageName, ...new Set(ofPages)], { cwd });
}

const missing = (why: string, cause?: unknown): ProblemError =>
  new ProblemError('tool_missing', { detail: `${why}${reasonOf(cause)}: ${advice}`, cause });

/** The one line of apt that says what went wrong. */
function reasonOf(cause: unknown): string {
  if (cause === undefined) return '';
  const { code, path, stderr, message } = cause as NodeJS.ErrnoException & { stderr?: string };
  if (code === 'ENOENT') return `, and ${path ?? 'apt-get'} is not there to fetch it`;
  const line = (stderr ?? message).split('\n').find((each) => each.startsWith('E: ')) ?? message.split('\n')[0];
  return `, and could not be fetched (${line?.replace(/^E: /, '') ?? ''})`;
}
