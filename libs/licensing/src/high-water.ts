/** How far the clock may be ahead of the mark and still raise it at once: drift, and the pause between two readings. */
const clockToleranceMs = 60_000;
/** How long a clock that jumped ahead must stay ahead before the mark follows. A jump that is corrected sooner leaves no trace. */
export const clockSettleMs = 10 * 60_000;

/**
 * The latest time that is known to have passed. `markMs` is what to persist and to share between replicas. It grows with the
 * monotonic clock, so that a wall clock that is set back, again and again, does not hold it.
 */
export interface HighWater {
  /** Milliseconds since 1970; -Infinity before the first mark. */
  readonly markMs: number;
  /** Reading of the monotonic clock to which the mark belongs, in milliseconds. */
  readonly monotonicMs: number;
  /** A clock that is ahead of the mark: since when, and the least time that it showed, carried on to `monotonicMs`. */
  readonly ahead?: { readonly sinceMonotonicMs: number; readonly leastMs: number };
}

/** A reading of both clocks of a process, in milliseconds. */
export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** The mark at the start of a process: the persisted one, or -Infinity. */
export const startHighWater = (markMs: number, monotonicMs: number): HighWater => ({ markMs, monotonicMs });

/** The mark after a reading. Read at least once a minute. */
export function observeClock(before: HighWater, { wallMs, monotonicMs }: ClockReading): HighWater {
  const elapsedMs = Math.max(0, monotonicMs - before.monotonicMs);
  const markMs = before.markMs + elapsedMs;
  if (wallMs <= markMs + clockToleranceMs) return { markMs: Math.max(markMs, wallMs), monotonicMs };
  const sinceMonotonicMs = before.ahead?.sinceMonotonicMs ?? monotonicMs;
  const leastMs = Math.min(wallMs, (before.ahead?.leastMs ?? wallMs) + elapsedMs);
  if (monotonicMs - sinceMonotonicMs >= clockSettleMs) return { markMs: leastMs, monotonicMs };
  return { markMs, monotonicMs, ahead: { sinceMonotonicMs, leastMs } };
}

/** The mark after another process, or a document that the vendor signed, proved that a time has passed. */
export const raiseHighWater = (before: HighWater, provenMs: number): HighWater =>
  provenMs > before.markMs ? { ...before, markMs: provenMs } : before;
