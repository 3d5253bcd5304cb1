import { fork, type ChildProcess } from 'node:child_process';
import { ProblemError } from '@app/protocol';
import type { EngineCapabilities } from '@app/speech/engines';
import type { BatchReport, EngineReply, EngineRequest, EngineSpec, StepOutcome } from './engine.messages';
import { StepTimes, workOf, type CallWork } from './step-times';
import { Watchdog } from './watchdog';

/** How an engine process is run. */
export interface EngineChildSettings {
  /** The compiled file that is forked. */
  readonly entry: string;
  readonly spec: EngineSpec;
  /**
   * Longest call of one step, and as much for each further one; after it the process is killed. A call of which the usual time is
   * known has a shorter limit.
   */
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
  readonly work: CallWork;
  readonly startedAtMs: number;
  /** Whether its time says how long such a call takes: not the first of a process, and none that reads a model. */
  isUsual: boolean;
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
  private readonly watchdog = new Watchdog();
  /** Operations that the process has run: the first call of one is slow. */
  private readonly begun = new Set<string>();
  private restart: NodeJS.Timeout | undefined;
  private nextCallId = 0;
  private state: 'stopped' | 'starting' | 'ready' = 'stopped';
  /** Processes that ended before a call of theirs succeeded, in a row. */
  private failuresInARow = 0;
  private lastReason = '';

  constructor(
    private readonly settings: EngineChildSettings,
    private readonly events: EngineChildEvents,
    /** What is known of the time of calls; of all processes that run the same. */
    private readonly times = new StepTimes(),
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
    this.begun.clear();
    child.on('message', (message) => this.receive(child, message as EngineReply<Result>));
    child.once('error', (error) => this.gone(child, `could not be run: ${error.message}`));
    child.once('exit', (code, signal) => this.gone(child, signal ? `killed by ${signal}` : `exited with code ${code}`));
    this.send({ type: 'load', spec: this.settings.spec, warmUp: this.capabilities === undefined });
    this.killAfter(this.settings.loadTimeoutMs, 'loading took too long');
  }

  /** Runs the steps. Rejects with a retryable problem when the process ends or hangs. */
  call(steps: readonly Step[]): Promise<CallResult<Result>> {
    if (!this.isIdle) return Promise.reject(lost('the engine is busy or away'));
    const called = new Promise<CallResult<Result>>((resolve, reject) => {
      const callId = this.nextCallId++;
      const work = workOf(steps);
      const isUsual = this.begun.has(work.op);
      this.begun.add(work.op);
      this.pending = { callId, work, startedAtMs: performance.now(), isUsual, resolve, reject };
      const longestMs = this.settings.stepTimeoutMs * steps.length;
      const limitMs = Math.min(longestMs, (isUsual ? this.times.limitMs(work) : undefined) ?? longestMs);
      this.killAfter(limitMs, 'a step took too long', () => this.times.forget(work.op));
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
    this.watchdog.stop();
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
        this.watchdog.stop();
        this.capabilities = reply.capabilities;
        this.state = 'ready';
        this.events.onReady();
        return;
      case 'failed':
        this.lastReason = reply.reason;
        child.kill('SIGKILL');
        return;
      case 'loading':
        if (this.pending) this.pending.isUsual = false;
        this.killAfter(this.settings.loadTimeoutMs, 'loading took too long');
        return;
      case 'stepped':
        this.stepped(reply);
    }
  }

  private stepped(reply: CallResult<Result> & { readonly callId: number }): void {
    const { pending } = this;
    if (pending?.callId !== reply.callId) return;
    this.watchdog.stop();
    this.failuresInARow = 0;
    this.pending = undefined;
    if (pending.isUsual) this.times.took(pending.work, performance.now() - pending.startedAtMs);
    pending.resolve({ outcomes: reply.outcomes, batches: reply.batches });
  }

  private gone(child: ChildProcess, how: string): void {
    if (child !== this.process) return;
    this.watchdog.stop();
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

  private killAfter(limitMs: number, reason: string, onLate?: () => void): void {
    const child = this.process;
    this.watchdog.start(limitMs, () => {
      onLate?.();
      this.lastReason = reason;
      child?.kill('SIGKILL');
    });
  }

  private send(message: EngineRequest<Step>): void {
    // A process that just ended says so by its exit event; the failed write adds nothing.
    this.process?.send(message, () => undefined);
  }
}

/** The problem of steps whose engine is gone: another attempt may succeed at once. */
export const lost = (reason: string): ProblemError =>
  new ProblemError('worker_unavailable', { cause: new Error(`engine process: ${reason}`) });
