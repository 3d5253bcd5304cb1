import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { modelsFolder } from '../../tools/models';
import type { Target } from '../../tools/client/tts-client';

const root = join(__dirname, '../..');

/** How a program ended, and all it printed. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** The files of this repository as they are now, in a folder of their own, with the same packages and models. */
export class RepositoryCopy {
  readonly folder = mkdtempSync(join(tmpdir(), 'antiphon-copy-'));
  private stack: ChildProcess | undefined;

  constructor() {
    const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
    if (listed.status !== 0) throw new Error(`git cannot list the files: ${listed.stderr.toString()}`);
    const files = listed.stdout.toString().split('\0');
    for (const file of files.filter((one) => !['', 'node_modules'].includes(one) && existsSync(join(root, one))))
      cpSync(join(root, file), this.path(file), { verbatimSymlinks: true });
    symlinkSync(join(root, 'node_modules'), this.path('node_modules'));
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), content);
  }

  /** Runs a program in the folder to its end. */
  run(command: string, ...args: string[]): Promise<Ended> {
    const child = spawn(command, args, { cwd: this.folder, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, output }));
    });
  }

  /** The same for a script of an installed package. */
  runScript(script: string, ...args: string[]): Promise<Ended> {
    return this.run(process.execPath, join('node_modules', script), ...args);
  }

  /** Checks the types of everything, the tests too, and compiles it. */
  async compile(): Promise<Ended> {
    const ended = await this.runScript('typescript/bin/tsc', '-p', 'tsconfig.json', '--sourceMap', 'false');
    if (ended.code !== 0) return ended;
    // The compiler leaves the names of libraries as they are written, which Nest's build does not.
    mkdirSync(this.path('dist/node_modules/@app'), { recursive: true });
    for (const lib of readdirSync(this.path('libs')))
      symlinkSync(join('../../libs', lib, 'src'), this.path(join('dist/node_modules/@app', lib)));
    return ended;
  }

  /** Starts what was compiled; resolves when it is ready. It has no workers but those that functions by request need. */
  async start(): Promise<Target> {
    const program = this.path('dist/test/support/stack.process.js');
    const stack = spawn(process.execPath, [program, this.folder], {
      cwd: this.folder,
      env: this.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.stack = stack;
    for await (const line of createInterface(stack.stdout)) if (line.startsWith('{')) return JSON.parse(line) as Target;
    throw new Error('the stack did not start');
  }

  async remove(): Promise<void> {
    const { stack } = this;
    if (stack && stack.exitCode === null) {
      const ended = new Promise((resolve) => stack.once('close', resolve));
      stack.stdin?.end();
      stack.stdout?.resume();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get env(): NodeJS.ProcessEnv {
    return { ...process.env, ANTIPHON_MODELS: modelsFolder(root) };
  }
}
