/** Time constant of the average, in milliseconds of audio. */
const memoryMs = 30_000;

/** Compute time divided by audio time. The last half minute of audio counts most. */
export class RecentFactor {
  private computeMs = 0;
  private audioMs = 0;

  /** 0 before the first measurement. */
  get value(): number {
    return this.audioMs === 0 ? 0 : this.computeMs / this.audioMs;
  }

  add(computeMs: number, audioMs: number): void {
    const kept = Math.exp(-audioMs / memoryMs);
    this.computeMs = this.computeMs * kept + computeMs;
    this.audioMs = this.audioMs * kept + audioMs;
  }
}
