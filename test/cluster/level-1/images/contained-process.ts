import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { until } from '../../../support/until';

/** The user of the images. */
export const imageUser = 10_001;

const isRoot = process.getuid?.() === 0;

/** New mounts and process numbers. Who is not root is the image's user in a user namespace, where the rights for the mounts are kept. */
const enter = [
  ...(isRoot ? [] : ['--user', `--map-user=${imageUser}`, `--map-group=${imageUser}`, '--keep-caps']),
  ...['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'],
];

/** Becomes the image's user, with no rights at all. */
const dropRights = [
  'setpriv',
  ...(isRoot ? ['--reuid', imageUser, '--regid', imageUser, '--clear-groups'] : []),
  ...['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all'],
].join(' ');

/** A read-only machine, the folder of the program too, and one writable temporary folder. */
const contain = `set -e
mount --bind "$2" "$2"
mount -o remount,bind,ro "$2"
mount -t tmpfs tmpfs "$1"
chmod 1777 "$1"
mount -t proc proc /proc
mount -o remount,bind,ro /
cd "$2"
shift 2
exec ${dropRights} "$@"`;

/** Why programs cannot be contained here; undefined where they can. */
export function whyNotContained(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  const trial = 'mount -t proc proc /proc && mount -o remount,bind,ro / && setpriv --version';
  const { error, status, stderr } = spawnSync('unshare', [...enter, 'sh', '-c', trial], { encoding: 'utf8' });
  return error?.message ?? (status === 0 ? undefined : stderr.trim());
}

/** What is contained: which program, where, with which variables alone. */
export interface Contained {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Made, and hidden behind an empty one that the program may write to. */
  readonly temporaryFolder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program as a container runs it: process 1 of its own, as the user of the images, on a read-only machine. */
export class ContainedProcess {
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
  }

  static start({ program, args, folder, temporaryFolder, env }: Contained): ContainedProcess {
    mkdirSync(temporaryFolder, { recursive: true });
    const command = [...enter, 'sh', '-c', contain, 'sh', temporaryFolder, folder];
    return new ContainedProcess(
      spawn('unshare', [...command, program, ...args], {
        env: { PATH: process.env.PATH, HOME: '/', TMPDIR: temporaryFolder, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** All it wrote so far. */
  get log(): string {
    return this.output;
  }

  /** Resolves once it wrote this; rejects when it ended before, or did not write it within two minutes. */
  async writes(text: string): Promise<void> {
    const hasWritten = (): boolean => this.output.includes(text);
    const hasEnded = (): boolean => this.child.exitCode !== null || this.child.signalCode !== null;
    await until(() => hasWritten() || hasEnded(), { withinMs: 120_000 });
    if (!hasWritten()) throw new Error(`ended:\n${this.output}`);
  }

  /** The number, on this machine, of the program that is process 1 inside. */
  get pid(): number {
    return Number(childrenOf(this.child.pid ?? 0)[0]);
  }

  /** Numbers and states (`S`, `Z`, ...) of its child processes. */
  children(): { pid: number; state: string }[] {
    return childrenOf(this.pid).flatMap((pid) => {
      const state = stateOf(pid);
      return state === '' ? [] : [{ pid: Number(pid), state }];
    });
  }

  /** The lines of /proc/PID/status of the program, by name. */
  status(): Map<string, string> {
    const lines = readFileSync(`/proc/${this.pid}/status`, 'utf8').split('\n');
    return new Map(lines.map((line) => line.split(':\t') as [string, string]));
  }

  /** What it left in its temporary folder. */
  temporaryFiles(): string[] {
    return readdirSync(`/proc/${this.pid}/root${readEnv(this.pid, 'TMPDIR')}`);
  }

  /** Sends a signal to process 1, and resolves to its exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', (code) => resolve(code)));
    process.kill(this.pid, signal);
    return ended;
  }

  /** Resolves to the exit code of a program that ends by itself. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    return new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }
}

const childrenOf = (pid: number): string[] =>
  spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.split(/\s+/)
    .filter(Boolean);

/** Empty for a process that has gone in the meantime. */
const stateOf = (pid: string): string =>
  spawnSync('ps', ['-o', 'state=', '-p', pid], { encoding: 'utf8' }).stdout.trim();

function readEnv(pid: number, name: string): string {
  const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
}
