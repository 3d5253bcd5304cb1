import { heartbeatIntervalMs, missedHeartbeats } from '@app/protocol';

/** A peer that was not heard of for this long is taken for dead. */
export const deadAfterMs = heartbeatIntervalMs * missedHeartbeats;

/** Milliseconds on a clock that never steps. */
export const monotonicMs = (): number => performance.now();

/**
 * Rounds in which peers are judged by when they were last heard of. From a late round to the next one nobody is judged: this process
 * stood still, and what its peers said meanwhile is still to be read.
 */
export class JudgingRounds {
  private lastAt: number;
  private wasInTime = true;

  constructor(
    private readonly intervalMs: number,
    private readonly now: () => number,
  ) {
    this.lastAt = now();
  }

  /** Begins a round. False when nobody is to be judged in it. */
  begin(): boolean {
    this.wasInTime = !this.isLate();
    this.lastAt = this.now();
    return this.wasInTime;
  }

  /** Whether peers may be judged now. */
  mayJudge(): boolean {
    return this.wasInTime && !this.isLate();
  }

  private isLate(): boolean {
    return this.now() - this.lastAt > 2 * this.intervalMs;
  }
}
