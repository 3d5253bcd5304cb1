import { defaultEndpointerOptions, detectorFrameSamples, type SampleSpan } from '@app/speech/engines';

/** The detector's results for the frames of an STT stream, in order, from `startSample` on. */
export class SpeechFrames {
  /** The sample after the last frame. */
  endSample: number;
  /** Number of samples without speech at the end. */
  quietSamples = 0;
  private spans: SampleSpan[] = [];

  constructor(startSample: number) {
    this.endSample = startSample;
  }

  /** Adds the next frame. */
  take(probability: number): void {
    const startSample = this.endSample;
    this.endSample += detectorFrameSamples;
    if (probability < defaultEndpointerOptions.endThreshold) {
      this.quietSamples += detectorFrameSamples;
      return;
    }
    const last = this.spans.at(-1);
    if (last && this.quietSamples === 0) this.spans[this.spans.length - 1] = { ...last, endSample: this.endSample };
    else this.spans.push({ startSample, endSample: this.endSample });
    this.quietSamples = 0;
  }

  /** The parts with speech in [startSample, endSample), counted from `startSample`. */
  speechWithin(startSample: number, endSample: number): SampleSpan[] {
    return this.spans
      .filter((span) => span.endSample > startSample && span.startSample < endSample)
      .map((span) => ({
        startSample: Math.max(span.startSample, startSample) - startSample,
        endSample: Math.min(span.endSample, endSample) - startSample,
      }));
  }

  /** Drops the results before this sample. */
  forgetBefore(sample: number): void {
    this.spans = this.spans.filter(({ endSample }) => endSample > sample);
  }
}
