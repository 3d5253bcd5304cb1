import { graceCountdowns, type GraceCause, type GraceCountdown, type ServiceFacts } from '@app/licensing';
import { GraceWarnings, type Log } from '@app/platform';
import { isoDate } from '../documents/descriptions';
import { graceCauses, type GraceMetrics } from '../metrics/grace-metrics';

/**
 * Publishes how far each cause is from refusing requests. Logs when its grace begins, has 50, 20 and 5 % left, ends and is left.
 * Each process logs each of them once. One that starts within a grace logs that it is on, and the share it has come down to.
 */
export class GraceWatch {
  private readonly logs: readonly GraceLog[];

  constructor(
    private readonly facts: () => ServiceFacts,
    private readonly metrics: Pick<GraceMetrics, 'set'>,
    log: Pick<Log, 'info' | 'warn' | 'error'>,
  ) {
    this.logs = graceCauses.map((cause) => new GraceLog(cause, log));
  }

  /** Is called every few seconds. */
  observe(): void {
    const countdowns = graceCountdowns(this.facts());
    for (const log of this.logs) {
      const countdown = countdowns[log.cause];
      this.metrics.set(log.cause, countdown);
      if (countdown) log.observe(countdown);
    }
  }
}

/** The lines of one cause. */
class GraceLog {
  private before: GraceCountdown['state'] | undefined;
  private warnings = new GraceWarnings();

  constructor(
    readonly cause: GraceCause,
    private readonly log: Pick<Log, 'info' | 'warn' | 'error'>,
  ) {}

  observe({ state, restShare }: GraceCountdown): void {
    const { before, cause } = this;
    this.before = state;
    switch (state.state) {
      case 'active':
        if (before && before.state !== 'active') this.log.info('licence grace is left', { cause });
        return;
      case 'grace': {
        const dates = { cause, since: isoDate(state.sinceMs), until: isoDate(state.untilMs) };
        if (before?.state !== 'grace' || before.sinceMs !== state.sinceMs) {
          this.warnings = new GraceWarnings();
          this.log.warn('licence is in grace; new requests are refused at its end', dates);
        }
        const reached = this.warnings.observe(restShare);
        if (reached !== undefined) this.log.warn('licence grace runs out', { ...dates, restShare: reached });
        return;
      }
      case 'refused':
        if (before?.state === 'refused') return;
        this.log.error('licence grace is over; new requests are refused', { cause, since: isoDate(state.sinceMs) });
    }
  }
}
