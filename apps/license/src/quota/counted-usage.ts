import { monthOf, UsageTotals, type UsageSum } from '@app/licensing';
import type { UsageRecord } from '@app/protocol';
import { UsedQuota } from './used-quota';

/** A copy of a record is recognised among at least so many records before it. */
export const recognisedIds = 50_000;

/** What was counted of the usage stream, up to a sequence. */
export class CountedUsage {
  readonly totals = new UsageTotals(recognisedIds);
  private used = new UsedQuota();
  /** Sequence of the newest record that was counted. */
  sequence = 0;
  private keptFrom = '';

  get quota(): UsedQuota {
    return this.used;
  }

  /** Takes the sums of an earlier count, which went up to `sequence`. */
  goOnFrom(sums: readonly UsageSum[], sequence: number): void {
    for (const sum of sums) {
      this.totals.addSum(sum);
      this.used.add(sum);
    }
    this.sequence = sequence;
  }

  /** Counts a record unless it is a copy of one, or of a month that was dropped. */
  add(record: UsageRecord): void {
    const month = monthOf(record.at);
    if (month < this.keptFrom) return;
    if (this.totals.add(record)) this.used.add({ ...record, month, requests: 1 });
  }

  /** Drops what is before a month. */
  keepFrom(month: string): void {
    if (month <= this.keptFrom) return;
    this.keptFrom = month;
    this.totals.dropBefore(month);
    this.used = new UsedQuota();
    for (const sum of this.totals.sums()) this.used.add(sum);
  }
}
