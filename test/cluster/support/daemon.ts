import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a program is started. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs until it is stopped. */
export interface DaemonSpec extends Program {
  /** Whether it can be used; asked again and again until it can. */
  readonly ready: () => Promise<boolean>;
  /** How often it may end before it is ready and is started again, as a kubelet does; unset means never. */
  readonly restarts?: number;
}

const pollMs = 50;
const readyTimeoutMs = 90_000;

/** One running program; its output goes to a file of its own. */
export class Daemon {
  private constructor(
    readonly name: string,
    readonly logFile: string,
    private readonly child: ChildProcess,
    /** How it ended, in words. */
    readonly ended: Promise<string>,
  ) {}

  /** Starts it. The system kills it should this process end without stopping it. */
  static spawn({ name, command, args, env }: Program, logFolder: string): Daemon {
    const logFile = join(logFolder, `${name}.log`);
    const log = openSync(logFile, 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`));
    });
    return new Daemon(name, logFile, child, ended);
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** Resolves once `ready` says so; throws with the end of its log when it ends before, or takes too long. */
  async until(ready: () => Promise<boolean>, timeoutMs = readyTimeoutMs): Promise<void> {
    const until = Date.now() + timeoutMs;
    while (!(await ready().catch(() => false))) {
      if (!this.running) throw new Error(`${this.name} ${await this.ended}:\n${this.lastLines()}`);
      if (Date.now() > until) throw new Error(`${this.name} was not ready in ${timeoutMs} ms:\n${this.lastLines()}`);
      await delay(pollMs);
    }
  }

  /** SIGTERM, and SIGKILL after `killAfterMs`; resolves when it is gone. */
  async stop(killAfterMs = 0): Promise<string> {
    if (killAfterMs > 0) this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), killAfterMs);
    const how = await this.ended;
    clearTimeout(timer);
    return how;
  }

  lastLines(count = 15): string {
    const text = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
    return `${text.trimEnd().split('\n').slice(-count).join('\n')}\n(${this.logFile})`;
  }
}

/** Programs that are stopped together, the last one first. */
export class Daemons {
  private readonly started: Daemon[] = [];

  constructor(readonly logFolder: string) {}

  /** Starts a program and resolves when it is ready. */
  async start(spec: DaemonSpec): Promise<Daemon> {
    for (let restarts = 0; ; restarts += 1) {
      const daemon = Daemon.spawn(spec, this.logFolder);
      this.started.push(daemon);
      try {
        await daemon.until(spec.ready);
        return daemon;
      } catch (error) {
        if (daemon.running || restarts >= (spec.restarts ?? 0)) throw error;
      }
    }
  }

  /** Nothing here has state worth keeping, and an API server waits for a store that is gone: none is asked politely. */
  async stopAll(): Promise<void> {
    for (const daemon of this.started.splice(0).reverse()) await daemon.stop();
  }
}
