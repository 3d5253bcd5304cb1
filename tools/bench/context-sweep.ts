import { join } from 'node:path';
import { Resampler, sttSampleRateHz } from '@app/speech/audio';
import { createWhisperEngine, defaultWhisperOptions } from '@app/speech/engines';
import { wordErrorRate } from '../../test/support/word-error-rate';
import { bootstrapInterval, median, rateOf, type Errors } from './statistics';
import type { Recording } from './stt-load';

/** The cost and the accuracy of a least encoder context. */
export interface SweepRow {
  readonly contextSeconds: number;
  readonly wordErrorRate: number;
  readonly interval: readonly [low: number, high: number];
  readonly encodeP50Ms: number;
  readonly decodeP50Ms: number;
  /** Share of utterances that were decoded again with the whole context. */
  readonly fallBackShare: number;
}

const contextsSeconds = [0, 4, 6, 8, 10, 15, 20, 30];
const longestSeconds = 30;

/** Recognises the same utterances with growing encoder contexts, on one engine with one thread, like a worker. */
export async function sweepContext(modelsFolder: string, recordings: readonly Recording[]): Promise<SweepRow[]> {
  const utterances = recordings
    .filter(({ samples, sampleRateHz }) => samples.length / sampleRateHz <= longestSeconds)
    .map(({ text, samples, sampleRateHz }) => ({ text, samples: atEngineRate(samples, sampleRateHz) }));
  const rows: SweepRow[] = [];
  for (const contextSeconds of contextsSeconds) {
    console.log(`encoder context of at least ${contextSeconds} s…`);
    rows.push(await measure(modelsFolder, contextSeconds, utterances));
  }
  return rows;
}

async function measure(
  modelsFolder: string,
  contextSeconds: number,
  utterances: readonly { readonly text: string; readonly samples: Float32Array }[],
): Promise<SweepRow> {
  const engine = await createWhisperEngine({
    modelFolder: join(modelsFolder, 'whisper-tiny-en'),
    threads: 1,
    precision: 'int8',
    executionProvider: 'cpu',
    options: { ...defaultWhisperOptions, contextSeconds },
  });
  await engine.warmUp();
  const errors: Errors[] = [];
  const heard = [];
  for (const { text, samples } of utterances) {
    const [result] = await engine.step([{ op: 'transcribe', id: 'sweep', samples, language: 'en', words: false }]);
    if (!result || 'failed' in result || result.op !== 'transcribe')
      throw new Error('an utterance could not be recognised');
    errors.push(wordErrorRate(text, result.recognition.text));
    heard.push(result.recognition);
  }
  await engine.close();
  return {
    contextSeconds,
    wordErrorRate: rateOf(errors),
    interval: bootstrapInterval(errors, rateOf),
    encodeP50Ms: median(heard.map(({ encodeMs }) => encodeMs)),
    decodeP50Ms: median(heard.map(({ decodeMs }) => decodeMs)),
    fallBackShare: heard.filter(({ fellBack }) => fellBack).length / heard.length,
  };
}

function atEngineRate(samples: Float32Array, sampleRateHz: number): Float32Array {
  const resampler = new Resampler(sampleRateHz, sttSampleRateHz);
  return Float32Array.from([...resampler.push(samples), ...resampler.flush()]);
}
