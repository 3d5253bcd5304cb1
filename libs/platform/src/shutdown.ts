import type { Log } from './log';

/** The parts of `process` that a shutdown uses. */
export interface ProcessSignals {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

interface Step {
  readonly name: string;
  readonly timeoutMs: number;
  readonly run: () => Promise<void> | void;
}

/**
 * Shuts a process down. SIGTERM or SIGINT runs the steps one after another, each with a time limit. A second signal
 * ends the process at once. The exit code is 0 if all steps finished in time, otherwise 1.
 */
export class Shutdown {
  private readonly steps: Step[] = [];
  private started = false;

  constructor(
    private readonly log: Log,
    private readonly signals: ProcessSignals = process,
  ) {}

  /** Adds a step; steps run in the order in which they were added. */
  add(name: string, timeoutMs: number, run: () => Promise<void> | void): void {
    this.steps.push({ name, timeoutMs, run });
  }

  /** Starts listening for signals. */
  listen(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) this.signals.on(signal, () => this.onSignal(signal));
  }

  /** Runs the steps and exits. A second call does nothing. */
  async begin(reason: string, exitCode = 0): Promise<void> {
    if (this.started) return;
    this.started = true;
    this.log.info('stopping', { reason });
    let code = exitCode;
    for (const step of this.steps) if (!(await this.finished(step))) code = 1;
    this.log.info('stopped', { exitCode: code });
    this.signals.exit(code);
  }

  private onSignal(signal: NodeJS.Signals): void {
    if (this.started) {
      this.log.warn('forced to stop', { reason: signal });
      this.signals.exit(1);
      return;
    }
    void this.begin(signal);
  }

  private async finished({ name, timeoutMs, run }: Step): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), timeoutMs)));
    try {
      const outcome = await Promise.race([Promise.resolve().then(run), timeout]);
      if (outcome === 'late') this.log.warn('stop step took too long', { step: name, timeoutMs });
      return outcome !== 'late';
    } catch (error) {
      this.log.error('stop step failed', { step: name, err: error });
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
