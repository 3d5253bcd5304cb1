const growthSamples = 16_000 * 8;

/** Samples of a stream by their place in it, from the oldest that is still wanted on. */
export class AudioBuffer {
  private samples = new Float32Array(growthSamples);
  private length = 0;

  constructor(private firstSample: number) {}

  /** First sample that is held. */
  get startSample(): number {
    return this.firstSample;
  }

  /** One past the last sample that was taken in. */
  get endSample(): number {
    return this.firstSample + this.length;
  }

  append(samples: Float32Array): void {
    if (this.length + samples.length > this.samples.length) {
      const larger = new Float32Array(this.length + samples.length + growthSamples);
      larger.set(this.samples.subarray(0, this.length));
      this.samples = larger;
    }
    this.samples.set(samples, this.length);
    this.length += samples.length;
  }

  /** A copy of [startSample, endSample), cut to what is held. */
  slice(startSample: number, endSample: number): Float32Array {
    const from = Math.max(0, startSample - this.firstSample);
    return this.samples.slice(from, Math.max(from, Math.min(this.length, endSample - this.firstSample)));
  }

  /** Samples before this one are not wanted any more. */
  forgetBefore(sample: number): void {
    const count = Math.min(this.length, sample - this.firstSample);
    if (count <= 0) return;
    this.samples.copyWithin(0, count, this.length);
    this.length -= count;
    this.firstSample += count;
  }
}
