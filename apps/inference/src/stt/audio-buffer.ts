import { sttSampleRateHz } from '@app/speech/audio';

const growthSamples = 8 * sttSampleRateHz;

/** Samples of a stream by sample number, from the oldest that is still needed. */
export class AudioBuffer {
  private samples = new Float32Array(growthSamples);
  private length = 0;

  constructor(private firstSample: number) {}

  /** The first sample that is stored. */
  get startSample(): number {
    return this.firstSample;
  }

  /** The sample after the last one. */
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

  /** A copy of [startSample, endSample), limited to the stored samples. */
  slice(startSample: number, endSample: number): Float32Array {
    const from = Math.max(0, startSample - this.firstSample);
    return this.samples.slice(from, Math.max(from, Math.min(this.length, endSample - this.firstSample)));
  }

  /** Drops samples before this one. */
  forgetBefore(sample: number): void {
    const count = Math.min(this.length, sample - this.firstSample);
    if (count <= 0) return;
    this.samples.copyWithin(0, count, this.length);
    this.length -= count;
    this.firstSample += count;
  }
}
