import { ProblemError } from '@app/protocol';

/** How long a start tries, and where it says that it does. */
export interface StartRetry {
  /**
   * Time limit of creating what a start needs in JetStream, in milliseconds. JetStream takes no calls while its servers
   * elect a leader, which takes a few seconds.
   */
  readonly startLimitMs?: number | undefined;
  /** Gets a line at the first failure, then every 10 s. */
  readonly log?: StartLog | undefined;
}

/** Takes a constant message. What differs is in the fields. */
export interface StartLog {
  warn(message: string, fields: Readonly<Record<string, unknown>>): void;
}

const defaultLimitMs = 30_000;
/** Each pause is twice as long as the one before, minus a random part. */
const firstPauseMs = 100;
const longestPauseMs = 2_000;
const linesEveryMs = 10_000;

/** Repeats a call that JetStream did not take, `bus_unavailable`, until the limit; then throws the last problem. */
export async function retriedAtStart<T>(
  what: string,
  action: () => Promise<T>,
  { startLimitMs = defaultLimitMs, log }: StartRetry,
): Promise<T> {
  const untilMs = performance.now() + startLimitMs;
  let nextLineMs = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await action();
    } catch (error) {
      const restMs = pauseMs * (1 - Math.random() / 2);
      const nowMs = performance.now();
      const mayPass = error instanceof ProblemError && error.code === 'bus_unavailable';
      if (!mayPass || nowMs + restMs >= untilMs) throw error;
      if (nowMs >= nextLineMs) {
        log?.warn('JetStream takes no calls yet; trying again', { what, err: error });
        nextLineMs = nowMs + linesEveryMs;
      }
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }
}
