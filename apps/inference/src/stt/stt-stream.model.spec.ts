import type { SttOutput } from '@app/protocol';
import { Resampler, sttSampleRateHz } from '@app/speech/audio';
import { profiles } from '@app/speech/batching';
import {
  createVitsEngine,
  createWhisperEngine,
  Endpointer,
  type SttEngine,
  type TtsEngine,
  type TtsStep,
  type TtsStepResult,
} from '@app/speech/engines';
import { describeWithModels, modelFolder } from '../../../../test/support/models';
import type { SttSteps } from './stream-engine';
import { SttStream } from './stt-stream';

const settings = { threads: 1, executionProvider: 'cpu' } as const;
const { balanced } = profiles;

/** Runs each step alone, in order. */
function stepsOf(engine: SttEngine): SttSteps {
  return {
    run: async (request) => {
      const [result] = await engine.step([request.make()]);
      if (!result || 'failed' in result) throw new Error(result?.failed);
      return { result, opened: undefined, startedAtMs: 0, tookMs: 1, batchSize: 1 };
    },
    drop: (id) => engine.release(id),
    dropLine: () => undefined,
  };
}

const pause = (seconds: number): Float32Array => new Float32Array(Math.round(seconds * sttSampleRateHz));

function joined(...parts: readonly Float32Array[]): Float32Array {
  const samples = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (samples.set(part, at), at + part.length), 0);
  return samples;
}

describeWithModels(['piper-joe', 'whisper-tiny-en'], 'an STT stream with the real models', () => {
  let voice: TtsEngine;
  let whisper: SttEngine;
  let streams = 0;

  beforeAll(async () => {
    voice = await createVitsEngine({ ...settings, precision: 'float32', modelFolder: modelFolder('piper-joe') });
    const options = { paddingSeconds: balanced.contextPaddingMs / 1_000 };
    const folder = modelFolder('whisper-tiny-en');
    whisper = await createWhisperEngine({ ...settings, precision: 'int8', modelFolder: folder, options });
  }, 300_000);

  afterAll(async () => {
    await voice.close();
    await whisper.close();
  });

  async function voiceStep<Op extends TtsStep['op']>(step: TtsStep & { op: Op }) {
    const [result] = await voice.step([step]);
    if (!result || 'failed' in result) throw new Error('the voice failed');
    return result as Extract<TtsStepResult, { op: Op }>;
  }

  /** The words alone, without the silence around them. */
  async function spoken(text: string, seed: number): Promise<Float32Array> {
    const utterance = { text, voice: 'joe', seed, speed: 1 };
    const { plan } = await voiceStep({ op: 'encode', id: text, utterance });
    const windows: Float32Array[] = [];
    for (const window of plan.windows.keys()) {
      windows.push((await voiceStep({ op: 'decode', id: text, window })).samples);
    }
    voice.release(text);
    const resampler = new Resampler(voice.capabilities.sampleRateHz, sttSampleRateHz);
    const samples = joined(resampler.push(joined(...windows)), resampler.flush());
    const isLoud = (sample: number): boolean => Math.abs(sample) > 0.015;
    return samples.slice(Math.max(0, samples.findIndex(isLoud) - 160), samples.findLastIndex(isLoud) + 160);
  }

  async function finalsOf(samples: Float32Array, pieceSamples: number, live: boolean): Promise<SttOutput[]> {
    const outputs: SttOutput[] = [];
    const { endSilenceMs } = balanced;
    const stream = new SttStream(
      {
        id: `stream-${(streams += 1)}`,
        offsetSamples: 0,
        language: 'en',
        words: true,
        now: () => 0,
        tuning: balanced,
        partials: live,
      },
      stepsOf(whisper),
      new Endpointer({ endSilenceMs }),
      ({ output }) => outputs.push(output),
    );
    for (let at = 0; at < samples.length; at += pieceSamples) {
      stream.push(at, samples.subarray(at, at + pieceSamples));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.close();
    await stream.done;
    const finals = outputs.filter((output) => output.type === 'final');
    return finals.map((final) => ({ ...final, text: final.text.toLowerCase() }));
  }

  it.each([0.05, 0.35, 0.65, 0.95])(
    'loses no word after a pause, however the audio is cut: %d s of silence first',
    async (lead) => {
      const boat = await spoken('The boat is in the harbour.', 1);
      const samples = joined(pause(lead), boat, pause(0.42), await spoken('Yes.', 3), pause(1.5));
      const wanted = await finalsOf(samples, 1_600, true);
      expect(JSON.stringify(wanted)).toContain('yes');
      for (const pieceSamples of [9_600, 16_000, samples.length]) {
        expect(await finalsOf(samples, pieceSamples, true)).toEqual(wanted);
        expect(await finalsOf(samples, pieceSamples, false)).toEqual(wanted);
      }
    },
    180_000,
  );

  it('recognises what is said after the text of the model ended', async () => {
    const report = await spoken('Please send the report to my office.', 150);
    const wait = await spoken('Wait.', 200);
    for (const seconds of [0.3, 0.33, 0.36, 0.39, 0.42]) {
      const samples = joined(pause(0.3), report, pause(seconds), wait, pause(1));
      const finals = JSON.stringify(await finalsOf(samples, 16_000, false));
      expect(finals).toContain('office');
      expect(finals).toContain('wait');
    }
  }, 180_000);
});
