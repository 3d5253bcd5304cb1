/** Looks at a call this many times before it is given up. */
const looks = 6;

/** Calls back at an interval, in milliseconds, until the returned function is called. */
export type Every = (intervalMs: number, look: () => void) => () => void;

const every: Every = (intervalMs, look) => {
  const timer = setInterval(look, intervalMs);
  return () => clearInterval(timer);
};

/**
 * Notices that something takes too long. It counts looks, not time: when the whole machine was suspended or starved, our own
 * looks were late as well, and a late look counts once.
 */
export class Watchdog {
  private cancel: (() => void) | undefined;

  constructor(private readonly schedule: Every = every) {}

  /** Calls back once after the limit, unless it is stopped or started again before. */
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
