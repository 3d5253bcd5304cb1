import { ProblemError } from '@app/protocol';
import { SpeechError, WavReader } from '@app/speech/audio';

/** A recording as it is in its file. */
export interface Recording {
  /** From -1 to 1; the mean of the channels where there are several. */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  /** How many the file has. */
  readonly channels: number;
}

/** Reads a whole WAV file from this time on; throws `audio_not_supported`. */
export function readRecording(wav: Uint8Array, fromMs = 0): Recording {
  try {
    const reader = new WavReader();
    const samples = reader.push(wav);
    reader.end();
    const { sampleRateHz = 0, channels = 0 } = reader.format ?? {};
    return { samples: samples.subarray(Math.round((fromMs * sampleRateHz) / 1_000)), sampleRateHz, channels };
  } catch (error) {
    if (!(error instanceof SpeechError)) throw error;
    throw new ProblemError('audio_not_supported', { detail: `${error.message}.`, cause: error });
  }
}
