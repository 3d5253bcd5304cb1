import type { AppendLog, LogState } from '@app/broker';
import type { Log } from '@app/platform';
import type { MeasuredLog } from '../metrics/license-metrics';

/** Fill levels at which the log warns. */
const warnedRatios = [0.95, 0.9, 0.8];
/** Fill level from which no new request is admitted: what runs still has room for its records. */
const fullRatio = 0.98;

/** Shows the size of a log: see `LicenseMetrics.logSize`. */
export type ShowSize = (log: MeasuredLog, bytes: number, limitBytes: number | undefined) => void;

/** Compares the size of both logs with their limits. */
export class DiskWatch {
  private readonly warned = new Map<MeasuredLog, number>();
  private full: readonly MeasuredLog[] = [];

  constructor(
    private readonly logs: Readonly<Record<MeasuredLog, AppendLog>>,
    private readonly log: Log,
  ) {}

  /** Whether one of the logs has no room for the records of new requests. */
  get isFull(): boolean {
    return this.full.length > 0;
  }

  /** Whether the audit log keeps what is left for its own records: what was dropped, checkpoints, revocations. */
  get isAuditFull(): boolean {
    return this.full.includes('audit');
  }

  async check(show: ShowSize = () => undefined): Promise<void> {
    const full: MeasuredLog[] = [];
    for (const name of ['usage', 'audit'] as const) {
      const state = await this.logs[name].state();
      show(name, state.bytes, state.maxBytes);
      const ratio = filled(state);
      this.warn(name, ratio, state);
      if (ratio >= fullRatio) full.push(name);
    }
    for (const name of full) {
      if (!this.full.includes(name)) this.log.error('log is full: new requests are refused', { log: name });
    }
    if (full.length === 0 && this.full.length > 0) this.log.info('the logs have room again');
    this.full = full;
  }

  /** Once for each level that is reached; again after it was left. */
  private warn(name: MeasuredLog, ratio: number, { bytes, maxBytes }: LogState): void {
    const level = warnedRatios.find((each) => ratio >= each) ?? 0;
    if (level > (this.warned.get(name) ?? 0)) {
      this.log.warn('log is nearly full', { log: name, percent: Math.floor(ratio * 100), bytes, limitBytes: maxBytes });
    }
    this.warned.set(name, level);
  }
}

const filled = ({ bytes, maxBytes }: LogState): number => (maxBytes === undefined ? 0 : bytes / maxBytes);
