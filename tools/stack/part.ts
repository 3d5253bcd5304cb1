import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { ProblemError } from '@app/protocol';
import { errorLine } from '../error-line';

/** One process of the stack. */
export interface PartSpec {
  readonly name: string;
  /** The app it runs; absent for a program that is not ours. */
  readonly app?: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the launcher's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Answers 200 once the part is ready. */
  readonly readyUrl: string;
}

const readyPollMs = 50;

/** A process that is started, watched until it is ready, and stopped; its output goes to its log file. */
export class Part {
  private child: ChildProcess | undefined;
  private exit: Promise<string> = Promise.resolve('not started');
  private stopping = false;

  constructor(
    readonly spec: PartSpec,
    private readonly onDeath: (part: Part, how: string) => void,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** In a process group of its own, so that Ctrl-C reaches the launcher alone, which stops the parts in order. */
  start(): void {
    const log = openSync(this.spec.logFile, 'a', 0o600);
    const child = spawn(this.spec.command, this.spec.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.spec.env },
    });
    closeSync(log);
    this.child = child;
    this.stopping = false;
    this.exit = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exited with code ${code}`));
    });
    void this.exit.then((how) => {
      if (this.child === child) this.child = undefined;
      if (!this.stopping) this.onDeath(this, how);
    });
  }

  /** Resolves when its ready page answers 200; a problem with its last log line when it died or took too long. */
  async ready(timeoutMs: number): Promise<void> {
    const until = Date.now() + timeoutMs;
    const child = this.child;
    let missing: string | undefined;
    while (Date.now() < until) {
      if (this.child !== child || child === undefined) {
        throw new ProblemError('internal', { detail: `${this.spec.name} ended at start: ${this.lastLogLine()}` });
      }
      missing = await whyNotReady(this.spec.readyUrl);
      if (missing === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, readyPollMs));
    }
    throw new ProblemError('internal', {
      detail: `${this.spec.name} was not ready after ${timeoutMs / 1000} s: ${missing}; last log line: ${this.lastLogLine()}`,
    });
  }

  /** SIGTERM, and SIGKILL after `killAfterMs`. */
  async stop(killAfterMs: number): Promise<void> {
    const child = this.child;
    if (!child) return;
    this.stopping = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    await this.exit;
    clearTimeout(timer);
  }

  /** The last thing it said, for a one-line report. */
  lastLogLine(): string {
    try {
      const line = readFileSync(this.spec.logFile, 'utf8').trimEnd().split('\n').at(-1) ?? '';
      return `${readable(line)} (log: ${this.spec.logFile})`;
    } catch {
      return `no log at ${this.spec.logFile}`;
    }
  }
}

/** The message of a JSON log line, with its cause where it names one; any other line as it is. */
function readable(line: string): string {
  try {
    const entry = JSON.parse(line) as { msg?: string; err?: { message?: string }; detail?: string };
    return [entry.msg, entry.detail, entry.err?.message].filter(Boolean).join(': ') || line;
  } catch {
    return line;
  }
}

/** Undefined once the ready page answers 200; what it says instead, or why it does not answer. */
async function whyNotReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.status === 200 ? undefined : `${url} answered ${response.status}`;
  } catch (error) {
    return `${url}: ${errorLine(error)}`;
  }
}
