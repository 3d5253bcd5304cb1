/** Estimates how much of the sent audio a client has not played yet, if it plays audio on arrival. */
export class Playback {
  private playedUpAtMs = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Records that audio of this length was sent. A client without unplayed audio starts playing again. */
  sent(durationMs: number): void {
    this.playedUpAtMs = Math.max(this.playedUpAtMs, this.now()) + durationMs;
  }

  /** Length of the unplayed audio. */
  aheadMs(): number {
    return Math.max(0, this.playedUpAtMs - this.now());
  }
}
