import { fork, type ChildProcess } from 'node:child_process';
import { ProblemError } from '@app/protocol';
import type { EngineCapabilities } from '@app/speech/engines';
import type { BatchReport, EngineReply, EngineRequest, EngineSpec, StepOutcome } from './engine.messages';

/** How an engine process is run. */
export interface EngineChildSettings {
  /** The compiled file that is forked. */
  readonly entry: string;
  readonly spec: EngineSpec;
  /** Longest call of one step, and as much for each further one; after it the process is killed. */
  readonly stepTimeoutMs: number;
  /** Longest time to read models. */
  readonly loadTimeoutMs: number;
}

/** What happens to an engine process by itself. */
export interface EngineChildEvents {
  onReady(): void;
  /** It is gone, and what it held with it; a new one is started by itself unless it was stopped. */
  onExit(reason: string): void;
}

/** What a call of the engine gave. */
export interface CallResult<Result> {
  readonly outcomes: readonly StepOutcome<Result>[];
  readonly batches: readonly BatchReport[];
}

interface PendingCall<Result> {
  readonly callId: number;
  readonly resolve: (result: CallResult<Result>) => void;
  readonly reject: (problem: ProblemError) => void;
}

/** How long a process may take to end by itself once its parent has hung up. */
const stopTimeoutMs = 2_000;
/** Between starts of a process that keeps dying. */
const longestBackOffMs = 30_000;

/** One engine process, started again whenever it ends; takes one call at a time. */
export class EngineChild<Step, Result> {
  capabilities: EngineCapabilities | undefined;
  private process: ChildProcess | undefined;
  private pending: PendingCall<Result> | undefined;
  /** Resolves when the last call ended, well or not. */
  private running: Promise<void> = Promise.resolve();
  private watchdog: NodeJS.Timeout | undefined;
  private restart: NodeJS.Timeout | undefined;
  private nextCallId = 0;
  private state: 'stopped' | 'starting' | 'ready' = 'stopped';
  /** Processes that ended before a call of theirs succeeded, in a row. */
  private failuresInARow = 0;
  private lastReason = '';

  constructor(
    private readonly settings: EngineChildSettings,
    private readonly events: EngineChildEvents,
  ) {}

  get isReady(): boolean {
    return this.state === 'ready';
  }

  get isIdle(): boolean {
    return this.isReady && this.pending === undefined;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Starts the process; it is kept running until `stop`. */
  start(): void {
    this.state = 'starting';
    const child = fork(this.settings.entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.process = child;
    child.on('message', (message) => this.receive(child, message as EngineReply<Result>));
    child.once('error', (error) => this.gone(child, `could not be run: ${error.message}`));
    child.once('exit', (code, signal) => this.gone(child, signal ? `killed by ${signal}` : `exited with code ${code}`));
    this.send({ type: 'load', spec: this.settings.spec, warmUp: this.capabilities === undefined });
    this.watch(this.settings.loadTimeoutMs, 'loading took too long');
  }

  /** Runs the steps. Rejects with a retryable problem when the process ends or hangs. */
  call(steps: readonly Step[]): Promise<CallResult<Result>> {
    if (!this.isIdle) return Promise.reject(lost('the engine is busy or away'));
    const called = new Promise<CallResult<Result>>((resolve, reject) => {
      const callId = this.nextCallId++;
      this.pending = { callId, resolve, reject };
      this.watch(this.settings.stepTimeoutMs * steps.length, 'a step took too long');
      this.send({ type: 'step', callId, steps });
    });
    this.running = called.then(
      () => undefined,
      () => undefined,
    );
    return called;
  }

  /** Tells the engine to forget an id. */
  release(id: string): void {
    if (this.isReady) this.send({ type: 'release', id });
  }

  /** Awaits the running call, then ends the process. */
  async stop(): Promise<void> {
    await this.running;
    this.state = 'stopped';
    clearTimeout(this.restart);
    clearTimeout(this.watchdog);
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const killer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(killer);
  }

  private receive(child: ChildProcess, reply: EngineReply<Result>): void {
    if (child !== this.process) return;
    switch (reply.type) {
      case 'ready':
        clearTimeout(this.watchdog);
        this.capabilities = reply.capabilities;
        this.state = 'ready';
        this.events.onReady();
        return;
      case 'failed':
        this.lastReason = reply.reason;
        child.kill('SIGKILL');
        return;
      case 'loading':
        this.watch(this.settings.loadTimeoutMs, 'loading took too long');
        return;
      case 'stepped':
        this.stepped(reply);
    }
  }

  private stepped(reply: CallResult<Result> & { readonly callId: number }): void {
    const { pending } = this;
    if (pending?.callId !== reply.callId) return;
    clearTimeout(this.watchdog);
    this.failuresInARow = 0;
    this.pending = undefined;
    pending.resolve({ outcomes: reply.outcomes, batches: reply.batches });
  }

  private gone(child: ChildProcess, how: string): void {
    if (child !== this.process) return;
    clearTimeout(this.watchdog);
    const reason = this.lastReason === '' ? how : `${how}: ${this.lastReason}`;
    this.lastReason = '';
    this.process = undefined;
    const { pending, state } = this;
    this.pending = undefined;
    if (state !== 'stopped') {
      this.startAgain();
      this.events.onExit(reason);
    }
    pending?.reject(lost(reason));
  }

  /** At once the first time; a process that keeps dying is given more and more time. */
  private startAgain(): void {
    this.state = 'starting';
    this.failuresInARow += 1;
    const waitMs = this.failuresInARow === 1 ? 0 : Math.min(longestBackOffMs, 125 * 2 ** this.failuresInARow);
    this.restart = setTimeout(() => this.start(), waitMs);
  }

  private watch(timeoutMs: number, reason: string): void {
    clearTimeout(this.watchdog);
    const child = this.process;
    this.watchdog = setTimeout(() => {
      this.lastReason = reason;
      child?.kill('SIGKILL');
    }, timeoutMs);
  }

  private send(message: EngineRequest<Step>): void {
    // A process that just ended says so by its exit event; the failed write adds nothing.
    this.process?.send(message, () => undefined);
  }
}

/** The problem of steps whose engine is gone: another attempt may succeed at once. */
export const lost = (reason: string): ProblemError =>
  new ProblemError('worker_unavailable', { cause: new Error(`engine process: ${reason}`) });
