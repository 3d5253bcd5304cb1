import { HandBack } from '@app/broker';
import { ProblemError } from '@app/protocol';
import { chooseBatch } from '@app/speech/batching';
import { EngineChild, lost, type CallResult } from './engine-child';
import {
  StepDropped,
  type EnginePoolObserver,
  type EnginePoolSettings,
  type StepDone,
  type StepRequest,
} from './pool-steps';
import { StepTimes } from './step-times';

export * from './pool-steps';

interface Waiting<Step, Result> {
  readonly id: string;
  readonly batchKey: string | undefined;
  /** The time from which it could run. A step behind another step of its line waits for that one, not for a batch. */
  queuedAtMs: number;
  readonly dueMs: number;
  readonly awaited: boolean | undefined;
  readonly request: StepRequest<Step>;
  resolve(done: StepDone<Result>): void;
  reject(error: Error): void;
}

/**
 * The process that holds the state of an id. If that process has ended, the error with which steps of the id are
 * rejected.
 */
type Home<Step, Result> = EngineChild<Step, Result> | { readonly lostWith: Error };

/** The engine processes of a lane. The state of an id is in the process that ran its first step and is lost with it. */
export class EnginePool<Step, Result> {
  private readonly children: EngineChild<Step, Result>[];
  private readonly queue: Waiting<Step, Result>[] = [];
  private readonly homes = new Map<string, Home<Step, Result>>();
  /** Ids of the batch that an engine runs now. */
  private readonly running = new Map<EngineChild<Step, Result>, ReadonlySet<string>>();
  private readonly times = new StepTimes();
  private readonly ready: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Immediate | undefined;
  private failure: ((reason: string) => void) | undefined;

  constructor(
    private readonly settings: EnginePoolSettings,
    private readonly observer: EnginePoolObserver,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.children = Array.from({ length: settings.engines }, () => this.newChild());
  }

  /** Engines that are loaded and warm. */
  get readyEngines(): number {
    return this.children.filter((child) => child.isReady).length;
  }

  /** Starts all engines and resolves when all are warm. Rejects if one cannot be loaded at all. */
  async start(): Promise<void> {
    const allReady = new Promise<void>((resolve, reject) => {
      this.ready.push(() => this.readyEngines === this.children.length && resolve());
      this.failure = (reason) =>
        reject(new ProblemError('internal', { detail: `The engine did not start: ${reason}` }));
    });
    for (const child of this.children) child.start();
    await allReady.finally(() => (this.failure = undefined));
  }

  /**
   * Runs a step when the scheduler chooses it. Rejects with StepDropped after `drop`. If the process with its state
   * ends, rejects with a retryable problem if a step of this id was in the running batch, and with HandBack otherwise.
   */
  run(request: StepRequest<Step>): Promise<StepDone<Result>> {
    const loss = this.lossOf(request);
    if (loss) return Promise.reject(loss);
    return new Promise((resolve, reject) => {
      const { batchKey, dueMs, awaited, id, line = id } = request;
      this.queue.push({ id: line, batchKey, queuedAtMs: this.now(), dueMs, awaited, request, resolve, reject });
      this.dispatchSoon();
    });
  }

  /** Drops an id. Its queued steps never run, and its state is released. Does not wait for a step that runs now. */
  drop(id: string): void {
    const home = this.homes.get(id);
    this.homes.delete(id);
    for (const waiting of this.take((entry) => entry.request.id === id)) waiting.reject(new StepDropped());
    if (home instanceof EngineChild) home.release(id);
  }

  /** Drops the queued steps of a line. Does not wait for a step that runs now. */
  dropLine(line: string): void {
    for (const waiting of this.take((entry) => entry.id === line)) waiting.reject(new StepDropped());
  }

  /** Waits for running steps, then ends the engines. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    clearImmediate(this.soon);
    for (const waiting of this.take(() => true)) waiting.reject(new StepDropped());
    await Promise.all(this.children.map((child) => child.stop()));
  }

  private newChild(): EngineChild<Step, Result> {
    const child = new EngineChild<Step, Result>(
      this.settings.child,
      {
        onReady: () => {
          for (const onReady of this.ready) onReady();
          this.observer.onReadyChange(this.readyEngines);
          this.dispatch();
        },
        onExit: (reason) => this.childGone(child, reason),
      },
      this.times,
    );
    return child;
  }

  /** The ids in the running batch may have caused the crash, so they fail. All other ids are handed back. */
  private childGone(child: EngineChild<Step, Result>, reason: string): void {
    const suspects = this.running.get(child);
    for (const [id, home] of this.homes) {
      if (home === child) this.homes.set(id, { lostWith: suspects?.has(id) ? lost(reason) : new HandBack(reason) });
    }
    for (const orphan of this.take(({ request }) => this.lossOf(request) !== undefined)) {
      orphan.reject(this.lossOf(orphan.request) ?? lost(reason));
    }
    this.observer.onEngineExit(reason);
    this.observer.onReadyChange(this.readyEngines);
    this.failure?.(reason);
  }

  private lossOf({ id, stateful }: StepRequest<Step>): Error | undefined {
    const home = stateful ? this.homes.get(id) : undefined;
    return home && 'lostWith' in home ? home.lostWith : undefined;
  }

  /**
   * Dispatches after all pending promise callbacks. Steps that arrive together are then seen together. A request whose
   * step has just finished can ask for its next one before a free engine takes a less urgent step.
   */
  private dispatchSoon(): void {
    this.soon ??= setImmediate(() => this.dispatch());
  }

  /**
   * Gives every free engine the steps that the scheduler chooses for it, beginning with the engine that holds the
   * fewest ids.
   */
  private dispatch(): void {
    clearTimeout(this.timer);
    clearImmediate(this.soon);
    this.soon = undefined;
    let waitMs = Infinity;
    for (const child of this.children.filter(({ isIdle }) => isIdle).sort((a, b) => this.held(a) - this.held(b))) {
      const mine = this.queue.filter((entry) => this.mayRun(entry, child));
      const decision = chooseBatch(mine, this.now(), this.settings.policy, this.couldJoin(mine, child));
      if ('run' in decision) this.execute(child, decision.run);
      else waitMs = Math.min(waitMs, decision.waitMs);
    }
    if (waitMs !== Infinity) this.timer = setTimeout(() => this.dispatch(), Math.ceil(waitMs));
  }

  private execute(child: EngineChild<Step, Result>, batch: readonly Waiting<Step, Result>[]): void {
    const chosen = new Set(batch);
    this.take((entry) => chosen.has(entry));
    for (const { request } of batch) if (request.stateful) this.homes.set(request.id, child);
    this.running.set(child, new Set(batch.map(({ request }) => request.id)));
    const startedAtMs = this.now();
    const called = child.call(batch.map(({ request }) => request.make()));
    called
      .finally(() => this.running.delete(child))
      .then(
        (result) => this.settle(batch, startedAtMs, result),
        (error: Error) => batch.forEach((entry) => entry.reject(error)),
      );
  }

  private settle(batch: readonly Waiting<Step, Result>[], startedAtMs: number, called: CallResult<Result>): void {
    const endedAtMs = this.now();
    const tookMs = endedAtMs - startedAtMs;
    for (const report of called.batches) this.observer.onBatch(report);
    for (const { id } of batch) {
      const next = this.queue.find((entry) => entry.id === id);
      if (next) next.queuedAtMs = endedAtMs;
    }
    batch.forEach((entry, place) => {
      const outcome = called.outcomes[place] ?? { failed: 'the engine gave no answer' };
      if ('failed' in outcome) entry.reject(new ProblemError('internal', { cause: new Error(outcome.failed) }));
      else {
        const { result, opened } = outcome;
        entry.resolve({ result, opened, startedAtMs, tookMs, batchSize: batch.length });
      }
    });
    this.dispatchSoon();
  }

  private mayRun({ request }: Waiting<Step, Result>, child: EngineChild<Step, Result>): boolean {
    const home = request.stateful ? this.homes.get(request.id) : undefined;
    return home === undefined || home === child;
  }

  private couldJoin(mine: readonly Waiting<Step, Result>[], child: EngineChild<Step, Result>): number {
    const ids = new Set(mine.map(({ request }) => request.id));
    for (const [id, home] of this.homes) if (home === child) ids.add(id);
    return ids.size;
  }

  private held(child: EngineChild<Step, Result>): number {
    let count = 0;
    for (const home of this.homes.values()) if (home === child) count += 1;
    return count;
  }

  /** Removes and returns the queued steps that match. */
  private take(matches: (entry: Waiting<Step, Result>) => boolean): Waiting<Step, Result>[] {
    const taken = this.queue.filter(matches);
    if (taken.length === 0) return taken;
    const gone = new Set(taken);
    this.queue.splice(0, this.queue.length, ...this.queue.filter((entry) => !gone.has(entry)));
    return taken;
  }
}
