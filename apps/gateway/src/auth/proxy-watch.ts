import { GraceWarnings, type Log } from '@app/platform';
import type { LicenseProxyMetrics } from '../metrics/license-proxy-metrics';
import { nextCircuit, type Circuit, type CircuitEvent } from './circuit';
import { proxyReach, type ProxyReach } from './proxy-reach';

/** How the license app is watched. */
export interface ProxyWatchOptions {
  /** How long a request may wait for an answer, and a probe too. */
  readonly timeoutMs: number;
  /** Pause before each probe. */
  readonly probeMs: number;
  /** Resolves to whether the license app is ready; rejects where it does not answer. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  readonly metrics: Pick<LicenseProxyMetrics, 'circuit' | 'reach' | 'timedOut'>;
  readonly log: Log;
}

/** The circuit is not closed: the license app was not asked. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError';
  override readonly message = 'the license app does not answer and is not asked';
}

/**
 * The circuit breaker of the license app, and the record of its outage. One time-out opens the circuit and ends every request
 * that waits. Probes find out when it answers again, and no request waits for them.
 */
export class ProxyWatch {
  private circuitNow: Circuit = { state: 'closed' };
  private lostAtMs: number | undefined;
  private kept: { readonly untilMs: number; readonly forMs: number } | undefined;
  private readonly warnings = new GraceWarnings();
  private readonly calls = new Set<AbortController>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: ProxyWatchOptions) {}

  get circuit(): Circuit {
    return this.circuitNow;
  }

  get reach(): ProxyReach {
    return proxyReach({ lostAtMs: this.lostAtMs, keptUntilMs: this.kept?.untilMs }, performance.now());
  }

  /** Runs a request of which nothing may take longer than the time-out. Throws `CircuitOpenError` while the circuit is not closed. */
  async call<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.circuitNow.state !== 'closed') throw new CircuitOpenError();
    return this.bounded(ask, () => this.open());
  }

  /** The license app decided. `keptForMs`: for how long this decision serves in an outage; undefined for a refusal. */
  answered(keptForMs?: number): void {
    const untilMs = performance.now() + (keptForMs ?? 0);
    if (keptForMs !== undefined && untilMs > (this.kept?.untilMs ?? -Infinity)) {
      this.kept = { untilMs, forMs: keptForMs };
    }
    if (this.lostAtMs !== undefined) this.options.log.info('license app answers again');
    this.lostAtMs = undefined;
    this.publishReach();
  }

  /** It did not decide: away, overloaded, or not ready. */
  failed(cause: unknown): void {
    if (this.closed) return;
    if (this.lostAtMs === undefined) {
      this.lostAtMs = performance.now();
      this.options.log.warn('license app does not answer; earlier decisions serve', { err: cause });
    }
    this.publishReach();
    this.probeLater();
  }

  /** Ends what is being asked. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const call of this.calls) call.abort();
  }

  private async bounded<T>(ask: (signal: AbortSignal) => Promise<T>, onTimeout: () => void): Promise<T> {
    const call = new AbortController();
    this.calls.add(call);
    const timer = setTimeout(onTimeout, this.options.timeoutMs);
    try {
      return await ask(call.signal);
    } finally {
      clearTimeout(timer);
      this.calls.delete(call);
    }
  }

  private open(): void {
    // Calls that began together are late together.
    if (this.circuitNow.state !== 'closed') return;
    this.options.metrics.timedOut();
    this.cut();
    this.probeLater();
  }

  /** Opens the circuit and ends all that waits. */
  private cut(): void {
    this.become('timed_out');
    for (const call of this.calls) call.abort(new Error(`no answer after ${this.options.timeoutMs} ms`));
  }

  private probeLater(): void {
    if (this.timer !== undefined || this.closed) return;
    this.timer = setTimeout(() => void this.probe(), this.options.probeMs);
    this.timer.unref();
  }

  private async probe(): Promise<void> {
    this.become('probe_due');
    let signal: AbortSignal | undefined;
    const ask = (given: AbortSignal): Promise<boolean> => this.options.probe((signal = given));
    const isReady = await this.bounded(ask, () => this.cut()).catch(() => false);
    this.timer = undefined;
    if (this.closed) return;
    // Cut off, by its own time-out or by that of a request, it says nothing.
    if (!signal?.aborted) this.become('answered');
    if (isReady) this.answered();
    this.publishReach();
    if (this.lostAtMs !== undefined || this.circuitNow.state !== 'closed') this.probeLater();
  }

  private become(event: CircuitEvent): void {
    const before = this.circuitNow.state;
    this.circuitNow = nextCircuit(this.circuitNow, event, performance.now(), this.options.probeMs);
    const { state } = this.circuitNow;
    if (state === before) return;
    this.options.metrics.circuit(state);
    if (before === 'closed' && state === 'open') this.options.log.warn('circuit of the license app opened');
    if (before !== 'closed' && state === 'closed') this.options.log.info('circuit of the license app closed');
  }

  private publishReach(): void {
    const { forMs, untilMs } = this.kept ?? { forMs: 0, untilMs: 0 };
    const { state } = this.reach;
    const restMs = state === 'active' ? forMs : Math.max(0, untilMs - performance.now());
    const restShare = state === 'active' ? 1 : restMs / Math.max(forMs, 1);
    this.options.metrics.reach(state, restMs, restShare);
    const share = this.warnings.observe(restShare);
    if (share === undefined) return;
    this.options.log.warn('grace for an unreachable license app runs out', { restShare: share, restMs });
  }
}
