import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './until';

const oldest = [2, 11] as const;

/** A nats-server of 2.11 or newer: from the PATH, else from the models folder of this checkout or of $ANTIPHON_MODELS. */
export function findNatsServer(): string {
  const inModels = join('nats-server', 'nats-server');
  const candidates = [
    'nats-server',
    ...(process.env.ANTIPHON_MODELS ? [join(process.env.ANTIPHON_MODELS, inModels)] : []),
    resolve(__dirname, '../../.antiphon/models', inModels),
  ];
  const found = candidates.find((path) => (path === 'nats-server' || existsSync(path)) && isNewEnough(path));
  if (!found) throw new Error('no nats-server 2.11 or newer: npm run models -- get nats-server');
  return found;
}

function isNewEnough(path: string): boolean {
  try {
    const [, major, minor] = /v(\d+)\.(\d+)\./.exec(execFileSync(path, ['--version'], { encoding: 'utf8' })) ?? [];
    return Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1]);
  } catch {
    return false;
  }
}

/** A real nats-server with JetStream on a free loopback port, with its store in a temporary folder. */
export class TestNatsServer {
  private readonly storeFolder = mkdtempSync(join(tmpdir(), 'antiphon-nats-'));
  private child: ChildProcess | undefined;
  private port = 0;

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it, again on the same port after `kill`. */
  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    const args = ['--addr', '127.0.0.1', '--port', String(this.port), '--jetstream', '--store_dir', this.storeFolder];
    const child = spawn(findNatsServer(), args, { stdio: 'ignore' });
    this.child = child;
    const ended = new Promise<never>((_, reject) =>
      child.once('exit', () => reject(new Error('nats-server ended at start'))),
    );
    await Promise.race([answers(this.port), ended]);
    ended.catch(() => undefined);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child) return;
    this.child = undefined;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.storeFolder, { recursive: true, force: true });
  }
}

/** A port of loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Resolves at the first greeting of the server. */
const answers = (port: number): Promise<void> =>
  until(
    () =>
      new Promise<boolean>((done) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('data', () => done(true));
        socket.once('error', () => done(false));
        socket.once('close', () => done(false));
        socket.once('data', () => socket.destroy());
      }),
  );
