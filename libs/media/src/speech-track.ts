import { Resampler, sttSampleRateHz, toInt16 } from '@app/speech/audio';
import { RecordingTooLong } from './limits';

/** Audio as it was sent: samples of one channel, at the sender's sample rate. */
export interface ReceivedAudio {
  readonly samples: number;
  readonly sampleRateHz: number;
}

/** Brings the mono audio of one recording to the sample rate and the width that STT takes. */
export class SpeechTrack {
  private resampler: Resampler | undefined;
  private rateHz = 0;
  private inputRateHz = 0;
  private inputSamples = 0;
  private seconds = 0;

  /** `maxSeconds`: longer audio throws `RecordingTooLong`. */
  constructor(private readonly maxSeconds: number) {}

  /** All audio so far. Its rate is the first one, if the rate of the recording changes. */
  get received(): ReceivedAudio {
    return { samples: this.inputSamples, sampleRateHz: this.inputRateHz || sttSampleRateHz };
  }

  /** Throws a SpeechError if the sample rate is not supported. */
  push(mono: Float32Array, sampleRateHz: number): Int16Array {
    if (mono.length === 0) return new Int16Array(0);
    const before = this.changeRate(sampleRateHz);
    this.seconds += mono.length / sampleRateHz;
    if (this.seconds > this.maxSeconds) throw new RecordingTooLong(this.maxSeconds);
    this.inputSamples = Math.round(this.seconds * this.received.sampleRateHz);
    return joined(before, toInt16(this.resampler?.push(mono) ?? mono));
  }

  /** Returns the last samples, which the resampler held back to look ahead. */
  flush(): Int16Array {
    return toInt16(this.resampler?.flush() ?? new Float32Array(0));
  }

  /** Returns the rest of the audio at the rate before. */
  private changeRate(sampleRateHz: number): Int16Array {
    if (this.rateHz === sampleRateHz) return new Int16Array(0);
    const rest = this.flush();
    this.resampler = new Resampler(sampleRateHz, sttSampleRateHz);
    this.rateHz = sampleRateHz;
    this.inputRateHz ||= sampleRateHz;
    return rest;
  }
}

/** The first samples, then the second. */
export function joined(first: Int16Array, second: Int16Array): Int16Array {
  if (first.length === 0) return second;
  const both = new Int16Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
