import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';

/** Newest releases at the time of writing, so that a measurement can be repeated. */
const packages = ['piper-tts[http]==1.8.0', 'faster-whisper==1.2.1', 'hibari-tts==0.2.1'];

/** A Python environment of its own in a temporary folder, with the peers in it; removed by `remove`. */
export class PeerEnvironment {
  private constructor(
    readonly folder: string,
    readonly python: string,
  ) {}

  /** Installs the peers; takes a minute or two. */
  static async create(): Promise<PeerEnvironment> {
    const folder = mkdtempSync(join(tmpdir(), 'antiphon-peers-'));
    const environment = new PeerEnvironment(folder, join(folder, 'venv/bin/python'));
    console.log('installing the peers into a throw-away Python environment…');
    await run('python3', ['-m', 'venv', join(folder, 'venv')]);
    await run(environment.python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
    return environment;
  }

  /** Runs a script to its end with this on its standard input. */
  run(script: string, args: readonly string[], input = ''): Promise<void> {
    return run(this.python, [script, ...args], input);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Rejects with the last line the program said. */
function run(command: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    child.once('error', (cause) =>
      reject(new ProblemError('tool_missing', { detail: `${command} could not be started.`, cause })),
    );
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new ProblemError('internal', { detail: `${command} failed: ${said.trim().split('\n').at(-1)}` }));
    });
    child.stdin.end(input);
  });
}
