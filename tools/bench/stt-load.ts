import { rmsDbfs, wavFile } from '@app/speech/audio';
import { finalText, transcribeFile, transcribeStream } from '../client/stt-client';
import type { Target } from '../client/tts-client';
import type { Heard } from './peer-processes';

/** A recording with its text. */
export interface Recording {
  readonly name: string;
  readonly text: string;
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
}

/** Sends a recording at the pace of speech. The time is from its last sample to the last final. */
export async function transcribeLive(target: Target, { samples, sampleRateHz }: Recording): Promise<Heard> {
  const run = await transcribeStream(target, samples, sampleRateHz);
  const lastFinal = run.events.filter(({ event }) => event.type === 'transcript' && event.is_final).at(-1);
  return { text: finalText(run), ms: (lastFinal?.atMs ?? Infinity) - run.lastSampleAtMs };
}

/** Sends a recording as a file. The time is that of the whole request. */
export async function transcribeUpload(target: Target, { samples, sampleRateHz }: Recording): Promise<Heard> {
  const file = wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz });
  const startedAt = performance.now();
  const { text } = await transcribeFile(target, file);
  return { text, ms: performance.now() - startedAt };
}

/** Adds white noise at this many dB below the recording. The noise is the same each time. */
export function withNoise(recording: Recording, signalToNoiseDb: number): Recording {
  const amplitude = Math.sqrt(3) * 10 ** ((rmsDbfs(recording.samples) - signalToNoiseDb) / 20);
  let state = 99;
  const noise = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return amplitude * ((state / 0x7fff_ffff) * 2 - 1);
  };
  return {
    ...recording,
    name: `${recording.name}, noise`,
    samples: recording.samples.map((sample) => sample + noise()),
  };
}
