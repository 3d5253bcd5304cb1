import { spawn, type SpawnOptions } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';
import type { Downloader, DownloadOptions } from './download';
import { pipEnvironment } from './pip.config';
import type { Source } from './manifest';

const pollMs = 150;

/** The pip commands to try, in order. */
const pipCommands: readonly (readonly string[])[] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['python', '-m', 'pip'],
];

const always = [
  ...['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'],
  ...['--no-deps', '--only-binary=:all:', '--ignore-requires-python'],
];

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Fetches wheels with `pip download`, with the pip settings of this machine. */
export class PipDownloader implements Downloader {
  constructor(
    private readonly commands: readonly (readonly string[])[] = pipCommands,
    private readonly environment: typeof pipEnvironment = pipEnvironment,
  ) {}

  async download(source: Source, options: DownloadOptions): Promise<string> {
    const pip = await this.findPip();
    const wheels = join(options.into, 'wheels');
    const pinned = source.platform === undefined ? [] : ['--platform', source.platform];
    const wanted = [...pinned, '--dest', wheels, `${source.name}==${source.version}`];
    const stopWatching = watchBytes(options, source.bytes);
    try {
      const ended = await run([...pip, 'download', ...always, ...wanted], {
        // pip downloads to its temporary folder first. This folder is watched, is on the right disk, and is cleaned up.
        env: this.environment(options.into),
        signal: options.signal,
      });
      options.signal?.throwIfAborted();
      const [wheel] = await readdir(wheels).catch(() => []);
      if (ended.code !== 0 || wheel === undefined) throw problemOf(source, ended.output);
      return join(wheels, wheel);
    } finally {
      stopWatching();
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

function run(commandLine: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  const [command = '', ...args] = commandLine;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** Turns pip's output into a one-line problem that says what to do. */
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

/** Reports the size of the folder's content, at most `mostBytes`. Returns a function that stops it. */
function watchBytes({ into, onBytes }: DownloadOptions, mostBytes: number): () => void {
  let seenBytes = 0;
  const timer = setInterval(() => {
    void bytesBelow(into).then((bytes) => {
      if (bytes > seenBytes && seenBytes < mostBytes) onBytes((seenBytes = Math.min(bytes, mostBytes)));
    });
  }, pollMs);
  return () => {
    clearInterval(timer);
    seenBytes = mostBytes;
  };
}

/** Total size of all files below a folder. Files that disappear meanwhile do not count. */
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
