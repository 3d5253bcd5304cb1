import { encodePcm, Resampler, silence, type PcmOutputEncoding } from '@app/speech/audio';

/** The audio format that a client requests. */
export interface AudioFormat {
  readonly encoding: PcmOutputEncoding;
  readonly sampleRateHz: number;
}

/** Resamples, scales and encodes the audio of one context. Equal samples give equal bytes. */
export class AudioOutput {
  private resampler: Resampler | undefined;

  constructor(
    private readonly format: AudioFormat,
    private readonly gain: number,
  ) {}

  /**
   * Call this before the first samples of an utterance. All utterances of a context must have the same sample rate in
   * hertz.
   */
  expect(engineRateHz: number): void {
    this.resampler ??= new Resampler(engineRateHz, this.format.sampleRateHz);
  }

  push(samples: Float32Array): Buffer {
    if (!this.resampler) throw new RangeError('samples before their rate');
    return this.encode(this.resampler.push(samples));
  }

  /** Returns the last few samples, which the resampler holds back to look ahead. */
  flush(): Buffer {
    return this.encode(this.resampler?.flush() ?? new Float32Array(0));
  }

  /** Returns a pause. The samples that the resampler held back come before it. */
  pause(durationMs: number): Buffer {
    return Buffer.concat([this.flush(), this.encode(silence(durationMs, this.format.sampleRateHz))]);
  }

  private encode(samples: Float32Array): Buffer {
    if (this.gain !== 1) for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) * this.gain;
    return encodePcm(samples, this.format.encoding);
  }
}
