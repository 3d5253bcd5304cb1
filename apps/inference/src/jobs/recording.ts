import { ProblemError } from '@app/protocol';
import { Resampler, SpeechError, WavReader } from '@app/speech/audio';

/** A recording as it is in its file. */
export interface Recording {
  /** From -1 to 1; the mean of the channels where there are several. */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  /** How many the file has. */
  readonly channels: number;
}

/** Lowest rate that is taken for speech: that of a telephone. It bounds how long the recording in a job can be. */
const leastRateHz = 8_000;

/** Reads a whole WAV file from this time on; throws `audio_not_supported`. */
export function readRecording(wav: Uint8Array, fromMs = 0): Recording {
  return understood(() => {
    const reader = new WavReader();
    const samples = reader.push(wav);
    reader.end();
    const { sampleRateHz = 0, channels = 0 } = reader.format ?? {};
    return { samples: samples.subarray(Math.round((fromMs * sampleRateHz) / 1_000)), sampleRateHz, channels };
  });
}

/** The mono samples of a whole WAV file at this rate; throws `audio_not_supported`, also for rates below 8 kHz. */
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

/** What is wrong with the audio of a file is for its sender to mend. */
function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SpeechError)) throw error;
    throw new ProblemError('audio_not_supported', { detail: `${error.message}.`, cause: error });
  }
}
