import { ProblemError } from '@app/protocol';
import { readWav, Resampler, SpeechError } from '@app/speech/audio';

/** The audio of a recording. */
export interface Recording {
  /** From -1 to 1. Several channels are mixed to one. */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  /** Number of channels in the file. */
  readonly channels: number;
}

/** Lowest sample rate of speech, in hertz: that of a telephone. It limits the duration of the recording in a job. */
const leastRateHz = 8_000;

/** Reads a WAV file from this time to its end. Throws `audio_not_supported`. */
export function readRecording(wav: Uint8Array, fromMs = 0): Recording {
  return understood(() => {
    const { samples, sampleRateHz, channels } = readWav(wav);
    return { samples: samples.subarray(Math.round((fromMs * sampleRateHz) / 1_000)), sampleRateHz, channels };
  });
}

/**
 * The mono samples of a WAV file at this sample rate, in hertz. Throws `audio_not_supported`, also for files below 8
 * kHz.
 */
export function readRecordingAt(sampleRateHz: number, wav: Uint8Array): Float32Array {
  const { samples, sampleRateHz: ownRateHz } = readRecording(wav);
  if (ownRateHz < leastRateHz) {
    const detail = `The recording has a sample rate of ${ownRateHz} Hz; send one of at least ${leastRateHz} Hz.`;
    throw new ProblemError('audio_not_supported', { detail });
  }
  return understood(() => {
    const resampler = new Resampler(ownRateHz, sampleRateHz);
    const [most, rest] = [resampler.push(samples), resampler.flush()];
    const all = new Float32Array(most.length + rest.length);
    all.set(most);
    all.set(rest, most.length);
    return all;
  });
}

/** Turns errors in the audio of a file into problems for its sender. */
function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SpeechError)) throw error;
    throw new ProblemError('audio_not_supported', { detail: `${error.message}.`, cause: error });
  }
}
