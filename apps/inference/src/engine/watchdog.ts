/** Number of checks of a call before it counts as late. */
const looks = 6;

/** Calls `look` at an interval, in milliseconds, until the returned function is called. */
export type Every = (intervalMs: number, look: () => void) => () => void;

const every: Every = (intervalMs, look) => {
  const timer = setInterval(look, intervalMs);
  return () => clearInterval(timer);
};

/**
 * Reports that something takes too long. It counts checks instead of time: if the whole machine was suspended or
 * starved, the checks were late as well, and a late check counts once.
 */
export class Watchdog {
  private cancel: (() => void) | undefined;

  constructor(private readonly schedule: Every = every) {}

  /** Calls `onLate` once after the limit, unless the watchdog is stopped or started again before. */
  start(limitMs: number, onLate: () => void): void {
    this.stop();
    let looksLeft = looks;
    this.cancel = this.schedule(limitMs / looks, () => {
      looksLeft -= 1;
      if (looksLeft > 0) return;
      this.stop();
      onLate();
    });
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }
}
