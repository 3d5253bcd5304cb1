import { vendorPaths, type TelemetryReport, type TelemetryRow, type VendorCaller } from '@app/licensing';
import { monthAt, previousMonthAt } from '../quota/months';
import type { SeenFailure, VendorLink } from './vendor-link';
import { whyOf } from './vendor-outcome';

/** Totals are reported at least this often. */
const longestPauseMs = 24 * 60 * 60_000;
/** Pause after a report that failed. */
const retryPauseMs = 15 * 60_000;
/** In the first days of a month the month before is reported as well: its last records may have come late. */
const daysOfLastMonth = 3;

/** Totals of a month (`2026-11`, UTC); undefined while they are not known yet. */
export type RowsOfMonth = (month: string) => readonly TelemetryRow[] | undefined;

/** Reports the totals of usage after each check-in, and at least daily. */
export class Telemetry {
  private dueMs: number;
  private reporting = false;
  private failed: SeenFailure | undefined;

  constructor(
    private readonly link: VendorLink,
    private readonly rows: RowsOfMonth,
    /** The time that counts, in milliseconds since 1970. */
    private readonly timeMs: () => number,
  ) {
    this.dueMs = link.nowMs() + this.pause(longestPauseMs);
  }

  /** Why the last report failed; undefined after one that was accepted. */
  get failure(): SeenFailure | undefined {
    return this.failed;
  }

  /** Makes a report due now. */
  soon(): void {
    this.dueMs = -Infinity;
  }

  /** Reports if it is due. Resolves once the report is over. */
  async tick(): Promise<void> {
    const caller = this.link.caller();
    if (this.reporting || !caller || this.link.nowMs() < this.dueMs) return;
    this.reporting = true;
    // Until the answer is known; `soon` may be called meanwhile.
    this.dueMs = Infinity;
    let accepted = false;
    try {
      accepted = await this.reportMonths(caller);
    } finally {
      this.dueMs = Math.min(this.dueMs, this.link.nowMs() + this.pause(accepted ? longestPauseMs : retryPauseMs));
      this.reporting = false;
    }
  }

  private async reportMonths(caller: VendorCaller): Promise<boolean> {
    let accepted = true;
    for (const month of monthsAt(this.timeMs())) {
      const rows = this.rows(month);
      if (rows) accepted = (await this.report({ ...caller, month, rows: [...rows] })) && accepted;
    }
    return accepted;
  }

  private async report(report: TelemetryReport): Promise<boolean> {
    const { client, metrics, log } = this.link;
    const result = await client.post(vendorPaths.telemetry, report);
    metrics.reported(result.outcome === 'answered' ? 'accepted' : result.outcome);
    if (result.outcome === 'answered') {
      this.failed = undefined;
      return true;
    }
    const why = whyOf(result);
    this.failed = { at: new Date().toISOString(), request: 'telemetry', outcome: result.outcome, why };
    log.warn('telemetry failed', { month: report.month, outcome: result.outcome, why });
    return false;
  }

  /** At most this long, by chance, so that replicas do not report together. */
  private pause(longestMs: number): number {
    return longestMs * (0.8 + 0.2 * this.link.random());
  }
}

/** The months that are reported at a time, the present one first. */
export function monthsAt(timeMs: number): string[] {
  const isEarly = new Date(timeMs).getUTCDate() <= daysOfLastMonth;
  return isEarly ? [monthAt(timeMs), previousMonthAt(timeMs)] : [monthAt(timeMs)];
}
