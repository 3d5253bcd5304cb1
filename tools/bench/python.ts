import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';

/** The newest releases at the time of writing, pinned so that a measurement can be repeated. */
const packages = ['piper-tts[http]==1.8.0', 'faster-whisper==1.2.1', 'hibari-tts==0.2.1'];

/** A Python environment with the peers in a temporary folder. `remove` deletes it. */
export class PeerEnvironment {
  private constructor(
    readonly folder: string,
    readonly python: string,
  ) {}

  /** Installs the peers, which takes a minute or two. */
  static async create(): Promise<PeerEnvironment> {
    const folder = mkdtempSync(join(tmpdir(), 'antiphon-peers-'));
    const environment = new PeerEnvironment(folder, join(folder, 'venv/bin/python'));
    console.log('installing the peers into a throw-away Python environment…');
    await run('python3', ['-m', 'venv', join(folder, 'venv')]);
    await run(environment.python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
    return environment;
  }

  /** Runs a script to its end with `input` on its standard input. */
  run(script: string, args: readonly string[], input = ''): Promise<void> {
    return run(this.python, [script, ...args], input);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end. Rejects with the last line of its output. */
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
