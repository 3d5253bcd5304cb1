import { heartbeatIntervalMs, missedHeartbeats } from '@app/protocol';

/** A peer that sent nothing for this long counts as dead. */
export const deadAfterMs = heartbeatIntervalMs * missedHeartbeats;

/** Milliseconds on a monotonic clock. */
export const monotonicMs = (): number => performance.now();

/**
 * Rounds in which peers are judged by the time of their latest message. After a late round, no peer is judged until the
 * next one: this process was stopped, and messages of its peers are still unread.
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

  /** Begins a round. Returns false if no peer may be judged in it. */
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
