import { sttSampleRateHz } from '@app/speech/audio';
import type { SampleSpan } from '@app/speech/engines';
import { AudioBuffer } from './audio-buffer';
import { samplesOfMs } from './partial-pacing';
import { SpeechFrames } from './speech-frames';

/** Most samples that the detector gets at once, so that a burst does not delay other streams. */
const detectSamples = sttSampleRateHz;
/** Samples kept before the detector's position, for the pre-roll of an utterance that begins there. */
const preRollSamples = samplesOfMs(1_000);

/** The audio of an STT stream that is still needed, and the detector's results for it. */
export class HeardAudio {
  private readonly audio: AudioBuffer;
  private readonly frames: SpeechFrames;
  private detected: number;

  constructor(private readonly startSample: number) {
    this.audio = new AudioBuffer(startSample);
    this.frames = new SpeechFrames(startSample);
    this.detected = startSample;
  }

  /** The sample after the last one that was received. */
  get endSample(): number {
    return this.audio.endSample;
  }

  /** The sample after the last one that the detector got. */
  get detectedSample(): number {
    return this.detected;
  }

  /** The sample up to which the detector may get audio now. */
  get detectableSample(): number {
    return Math.min(this.audio.endSample, this.detected + detectSamples);
  }

  /** Duration of the audio that the detector got, in milliseconds. */
  get detectedMs(): number {
    return ((this.detected - this.startSample) / sttSampleRateHz) * 1_000;
  }

  /** The sample after the last frame that was judged. */
  get judgedSample(): number {
    return this.frames.endSample;
  }

  /** Number of judged samples without speech at the end. */
  get quietSamples(): number {
    return this.frames.quietSamples;
  }

  /** An utterance that begins later begins at this sample or after it. */
  get settledSample(): number {
    return this.frames.endSample - preRollSamples;
  }

  /** Adds the next samples and skips repeated ones. Returns false if samples before them are missing. */
  append(offsetSamples: number, samples: Float32Array): boolean {
    const known = this.audio.endSample - offsetSamples;
    if (known < 0) return false;
    this.audio.append(samples.subarray(known));
    return true;
  }

  /** The samples up to this one that the detector has not got. */
  undetected(untilSample: number): Float32Array {
    return this.audio.slice(this.detected, untilSample);
  }

  /** Records that the detector got the samples up to this one. */
  detectedUntil(sample: number): void {
    this.detected = sample;
  }

  /** Adds the detector's result for the next frame. */
  judge(probability: number): void {
    this.frames.take(probability);
  }

  /** Samples [startSample, endSample), and the parts of them with speech. */
  cut(startSample: number, endSample: number): { samples: Float32Array; speech: SampleSpan[] } {
    return {
      samples: this.audio.slice(startSample, endSample),
      speech: this.frames.speechWithin(startSample, endSample),
    };
  }

  /** Drops what neither the open utterance nor a later one needs. */
  forget(openSample = Infinity): void {
    const wanted = Math.min(openSample, this.settledSample);
    this.audio.forgetBefore(wanted);
    this.frames.forgetBefore(wanted);
  }
}
