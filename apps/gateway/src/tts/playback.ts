/** How much of the audio sent so far a client that plays it as it comes has not played yet. */
export class Playback {
  private playedUpAtMs = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Audio of this length has left; a client that had run dry starts again with it. */
  sent(durationMs: number): void {
    this.playedUpAtMs = Math.max(this.playedUpAtMs, this.now()) + durationMs;
  }

  /** Unplayed audio. */
  aheadMs(): number {
    return Math.max(0, this.playedUpAtMs - this.now());
  }
}
