import { encodePcm, Resampler, silence, type PcmOutputEncoding } from '@app/speech/audio';

/** How a client wants its audio. */
export interface AudioFormat {
  readonly encoding: PcmOutputEncoding;
  readonly sampleRateHz: number;
}

/** One context's audio on its way out: resampled, made louder or softer, encoded. The same samples give the same bytes. */
export class AudioOutput {
  private resampler: Resampler | undefined;

  constructor(
    private readonly format: AudioFormat,
    private readonly gain: number,
  ) {}

  /** To be called before the first samples of an utterance; all of a context have one rate. */
  expect(engineRateHz: number): void {
    this.resampler ??= new Resampler(engineRateHz, this.format.sampleRateHz);
  }

  push(samples: Float32Array): Buffer {
    if (!this.resampler) throw new RangeError('samples before their rate');
    return this.encode(this.resampler.push(samples));
  }

  /** The last few samples, which the resampler holds back to look ahead. */
  flush(): Buffer {
    return this.encode(this.resampler?.flush() ?? new Float32Array(0));
  }

  /** A pause. It ends what the resampler held back, since nothing that follows it can be heard in it. */
  pause(durationMs: number): Buffer {
    return Buffer.concat([this.flush(), this.encode(silence(durationMs, this.format.sampleRateHz))]);
  }

  private encode(samples: Float32Array): Buffer {
    if (this.gain !== 1) for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) * this.gain;
    return encodePcm(samples, this.format.encoding);
  }
}
