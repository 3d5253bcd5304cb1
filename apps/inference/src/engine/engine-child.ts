import { fork, type ChildProcess } from 'node:child_process';
import { ProblemError } from '@app/protocol';
import type { EngineCapabilities } from '@app/speech/engines';
import type { BatchReport, EngineReply, EngineRequest, EngineSpec, StepOutcome } from './engine.messages';
import { StepTimes, workOf, type CallWork } from './step-times';
import { Watchdog } from './watchdog';

/** The settings of an engine process. */
export interface EngineChildSettings {
  /** The compiled file that is forked. */
  readonly entry: string;
  readonly spec: EngineSpec;
  /**
   * Time limit of a call, in milliseconds, for each step in it. The process is killed after it. If the usual time of a
   * call is known, the limit is shorter.
   */
  readonly stepTimeoutMs: number;
  /** Longest time to load models, in milliseconds. */
  readonly loadTimeoutMs: number;
}

/** The events of an engine process. */
export interface EngineChildEvents {
  onReady(): void;
  /** The process has ended, and its state is lost. A new process is started unless it was stopped. */
  onExit(reason: string): void;
}

/** The result of a call of the engine. */
export interface CallResult<Result> {
  readonly outcomes: readonly StepOutcome<Result>[];
  readonly batches: readonly BatchReport[];
}

interface PendingCall<Result> {
  readonly callId: number;
  readonly work: CallWork;
  readonly startedAtMs: number;
  /** Whether its duration is typical. The first call of a process and calls that load a model are not. */
  isUsual: boolean;
  readonly resolve: (result: CallResult<Result>) => void;
  readonly reject: (problem: ProblemError) => void;
}

/** Time for a process to end by itself after its parent has disconnected, in milliseconds. */
const stopTimeoutMs = 2_000;
/** Longest pause between starts of a process that keeps dying, in milliseconds. */
const longestBackOffMs = 30_000;

/** One engine process. It is started again whenever it ends, and it runs one call at a time. */
export class EngineChild<Step, Result> {
  capabilities: EngineCapabilities | undefined;
  private process: ChildProcess | undefined;
  private pending: PendingCall<Result> | undefined;
  /** Resolves when the latest call has ended, whether it succeeded or not. */
  private running: Promise<void> = Promise.resolve();
  private readonly watchdog = new Watchdog();
  /** Operations that the process has run before. The first call of an operation is slow. */
  private readonly begun = new Set<string>();
  private restart: NodeJS.Timeout | undefined;
  private nextCallId = 0;
  private state: 'stopped' | 'starting' | 'ready' = 'stopped';
  /** Number of processes in a row that ended before one of their calls succeeded. */
  private failuresInARow = 0;
  private lastReason = '';

  constructor(
    private readonly settings: EngineChildSettings,
    private readonly events: EngineChildEvents,
    /** Measured durations of calls, shared by all processes of the same engine. */
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

  /** Starts the process and keeps it running until `stop`. */
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
    if (!this.isIdle) return Promise.reject(lost('the engine is busy or not running'));
    const called = new Promise<CallResult<Result>>((resolve, reject) => {
      const callId = this.nextCallId++;
      const work = workOf(steps);
      const isUsual = this.begun.has(work.op);
      this.begun.add(work.op);
      this.pending = { callId, work, startedAtMs: performance.now(), isUsual, resolve, reject };
      const longestMs = this.settings.stepTimeoutMs * steps.length;
      const limitMs = Math.min(longestMs, this.times.limitMs(work, !isUsual) ?? longestMs);
      this.killAfter(limitMs, 'a step took too long', () => this.times.forget(work.op));
      this.send({ type: 'step', callId, steps });
    });
    this.running = called.then(
      () => undefined,
      () => undefined,
    );
    return called;
  }

  /** Frees the engine's state of an id. */
  release(id: string): void {
    if (this.isReady) this.send({ type: 'release', id });
  }

  /** Waits for the running call, then ends the process. */
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

  /** Starts the process again: at once the first time, and after growing pauses if it keeps dying. */
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
    // The exit event reports a process that has just ended. The failed write adds nothing.
    this.process?.send(message, () => undefined);
  }
}

/** The problem of steps whose engine process has ended. A new attempt may succeed at once. */
export const lost = (reason: string): ProblemError =>
  new ProblemError('worker_unavailable', { cause: new Error(`engine process: ${reason}`) });
