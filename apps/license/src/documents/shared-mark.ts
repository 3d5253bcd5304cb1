import type { KeyValueStore } from '@app/broker';
import { maxNumericDate } from '@app/licensing';
import type { Log } from '@app/platform';
import type { ServiceStanding } from '../service-standing';
import { markEntry, raiseEntry } from './bucket';

/** How far the mark must have advanced to be written again, in milliseconds. */
export const markStepMs = 60_000;

/**
 * The high-water mark of the bucket. It is only raised: a process that knows a later time than the bucket, which NATS may
 * have restored from a backup, writes that.
 */
export class SharedMark {
  private storedMs = -Infinity;

  constructor(
    private readonly store: KeyValueStore,
    private readonly standing: ServiceStanding,
    private readonly log: Log,
  ) {}

  /** Takes the value of the entry; undefined if there is none. */
  learn(value: string | undefined): void {
    this.storedMs = value === undefined ? -Infinity : markOf(value);
    if (value === undefined) return;
    if (this.storedMs === -Infinity) this.log.warn('high-water mark ignored: its entry is damaged');
    else this.standing.raise(this.storedMs);
  }

  /** Writes the mark of this process if it is at least `stepMs` ahead of the bucket. Rejects with `bus_unavailable`. */
  async publish(stepMs = markStepMs): Promise<void> {
    const markMs = Math.floor(this.standing.highWaterMs);
    if (!Number.isFinite(markMs) || markMs < this.storedMs + stepMs) return;
    this.learn(await raiseEntry(this.store, markEntry, String(markMs), (present) => markOf(present) >= markMs));
  }
}

/** -Infinity for what is no time. */
function markOf(value: string): number {
  const timeMs = /^\d{1,15}$/.test(value) ? Number(value) : -Infinity;
  return timeMs <= maxNumericDate * 1_000 ? timeMs : -Infinity;
}
