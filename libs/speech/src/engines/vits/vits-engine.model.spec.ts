import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describeWithModels, modelFolder } from '../../../../../test/support/models';
import { readModel, replaceNodeByInput, writeModel } from '../../onnx';
import type { EngineSettings } from '../engine';
import type { TtsEngine, TtsStepResult, Utterance, UtterancePlan } from '../tts-engine';
import { createVitsEngine } from './create-vits-engine';
import { loadEspeakPhonemizer } from './espeak-phonemizer';
import { Noise, noiseStream } from './noise';
import { TextFrontend } from './text-frontend';
import { readVitsConfig } from './vits-config';

const clause = 'It was the best of times,';
const sentence =
  'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.';

const utterance = (changes: Partial<Utterance> = {}): Utterance => ({
  text: sentence,
  voice: 'joe',
  seed: 7,
  speed: 1,
  ...changes,
});

const settings = (): EngineSettings => ({
  modelFolder: modelFolder('piper-joe'),
  threads: 1,
  precision: 'float32',
  executionProvider: 'cpu',
});

async function encode(engine: TtsEngine, id: string, wanted: Utterance): Promise<UtterancePlan> {
  const [result] = await engine.step([{ op: 'encode', id, utterance: wanted }]);
  if (!result || 'failed' in result || result.op !== 'encode') throw new Error(JSON.stringify(result));
  return result.plan;
}

async function decode(engine: TtsEngine, ids: readonly string[], window: number): Promise<Float32Array[]> {
  const results = await engine.step(ids.map((id) => ({ op: 'decode', id, window })));
  return results.map(samplesOf);
}

function samplesOf(result: TtsStepResult | { failed: string }): Float32Array {
  if ('failed' in result || result.op !== 'decode') throw new Error(JSON.stringify(result));
  return result.samples;
}

async function speak(engine: TtsEngine, wanted: Utterance): Promise<{ plan: UtterancePlan; audio: Float32Array }> {
  const id = `speak ${Math.random()}`;
  const plan = await encode(engine, id, wanted);
  const audio = new Float32Array(plan.totalSamples);
  for (const [window, { startSample, endSample }] of plan.windows.entries()) {
    const [samples = new Float32Array()] = await decode(engine, [id], window);
    expect(samples).toHaveLength(endSample - startSample);
    audio.set(samples, startSample);
  }
  engine.release(id);
  return { plan, audio };
}

/** The voice as it was exported, in one run, with the noise of a seed. */
async function speakWhole(wanted: Utterance, frames: number): Promise<Float32Array> {
  const path = join(modelFolder('piper-joe'), 'en_US-joe-medium.onnx');
  const config = await readVitsConfig(`${path}.json`);
  const model = [['/dp/RandomNormalLike', 'a'] as const, ['/RandomNormalLike', 'b'] as const].reduce(
    (changed, [node, name]) =>
      replaceNodeByInput(changed, node, { name, type: 'float32', dims: [1, undefined, undefined] }),
    readModel(await readFile(path)),
  );
  const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const { ids } = await new TextFrontend(config.phonemeIds, await loadEspeakPhonemizer(config.espeakVoice)).speak(
    wanted.text,
  );
  const noise = (stream: number, rows: number, columns: number): Tensor => {
    const values = new Float32Array(rows * columns);
    new Noise(wanted.seed, stream).fillColumns(values, 0, rows, columns);
    return new Tensor('float32', values, [1, columns, rows]);
  };
  const { output } = await session.run({
    input: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
    input_lengths: new Tensor('int64', BigInt64Array.of(BigInt(ids.length)), [1]),
    scales: new Tensor('float32', [config.noiseScale, config.lengthScale, config.durationNoiseScale], [3]),
    a: noise(noiseStream.duration, ids.length, 2),
    b: noise(noiseStream.latent, frames, 192),
  });
  await session.release();
  return output?.data as Float32Array;
}

function signalToNoiseDb(signal: Float32Array, other: Float32Array): number {
  let power = 0;
  let error = 0;
  signal.forEach((sample, index) => {
    power += sample ** 2;
    error += (sample - (other[index] ?? 0)) ** 2;
  });
  return 10 * Math.log10(power / error);
}

describeWithModels(['piper-joe'], 'VitsEngine with the voice joe', () => {
  let engine: TtsEngine;

  beforeAll(async () => {
    engine = await createVitsEngine(settings());
  }, 60_000);

  afterAll(() => engine.close());

  it('says what the voice can do', () => {
    expect(engine.capabilities).toMatchObject({ sampleRateHz: 22_050, languages: ['en'] });
  });

  it('sounds in windows as the exported voice does in one run', async () => {
    const { audio } = await speak(engine, utterance());
    const whole = await speakWhole(utterance(), audio.length / 256);
    expect(whole).toHaveLength(audio.length);
    expect(signalToNoiseDb(whole, audio)).toBeGreaterThan(90);
  }, 60_000);

  it('makes the same bytes again, in another instance, and from the middle on', async () => {
    const { plan, audio } = await speak(engine, utterance({ text: clause }));
    expect((await speak(engine, utterance({ text: clause }))).audio).toEqual(audio);
    const other = await createVitsEngine(settings());
    await encode(other, 'resumed', utterance({ text: clause, durations: plan.durations }));
    const last = plan.windows.length - 1;
    const [samples] = await decode(other, ['resumed'], last);
    expect(samples).toEqual(audio.slice(plan.windows[last]?.startSample));
    await other.close();
  }, 60_000);

  it('makes the same samples alone and in a batch', async () => {
    const wanted = [sentence, 'Call me Ishmael, some years ago, never mind how long.', clause].map((text, index) =>
      utterance({ text, seed: index }),
    );
    const alone = await Promise.all(wanted.map((one) => speak(engine, one)));
    const ids = wanted.map((_, index) => `batched ${index}`);
    for (const [index, id] of ids.entries()) await encode(engine, id, wanted[index] ?? utterance());
    for (const window of [0, 1]) {
      const keys = new Set(ids.map((id) => engine.batchKey({ op: 'decode', id, window })));
      expect(keys.size).toBe(1);
      const batch = await decode(engine, ids, window);
      batch.forEach((samples, index) => {
        const place = alone[index]?.plan.windows[window];
        expect(samples).toEqual(alone[index]?.audio.slice(place?.startSample, place?.endSample));
      });
    }
    ids.forEach((id) => engine.release(id));
  });

  it('sounds different with another seed', async () => {
    const first = await encode(engine, 'seed', utterance({ seed: 1 }));
    const second = await encode(engine, 'seed', utterance({ seed: 2 }));
    expect(first.durations).not.toEqual(second.durations);
  });

  it('keeps to durations that are given', async () => {
    const { durations } = await encode(engine, 'given', utterance({ text: clause }));
    const longer = durations.map((frames) => frames + 1);
    const plan = await encode(engine, 'given', utterance({ text: clause, durations: longer }));
    expect(plan.durations).toEqual(longer);
    expect(plan.totalSamples).toBe(longer.reduce((sum, frames) => sum + frames) * 256);
  });

  it('refuses durations of another text', async () => {
    const [result] = await engine.step([{ op: 'encode', id: 'x', utterance: utterance({ durations: [1, 2, 3] }) }]);
    expect(result).toEqual({ failed: 'the given durations do not fit this text' });
  });

  it('speaks faster and slower', async () => {
    const length = async (speed: number): Promise<number> =>
      (await encode(engine, 'speed', utterance({ speed }))).totalSamples;
    const normal = await length(1);
    expect((await length(2)) / normal).toBeLessThan(0.7);
    expect((await length(0.6)) / normal).toBeGreaterThan(1.4);
  });

  it('places every word of the text, in order and within the audio', async () => {
    const text = 'Dr. Smith paid $3.14 for it — was the price, well... fair?';
    const plan = await encode(engine, 'words', utterance({ text }));
    expect(plan.words.map(({ word }) => word)).toEqual(text.split(' '));
    plan.words.forEach(({ startSample, endSample, word }, index) => {
      expect(startSample).toBeGreaterThanOrEqual(plan.words[index - 1]?.endSample ?? 0);
      expect(endSample).toBeLessThanOrEqual(plan.totalSamples);
      if (word !== '—') expect(endSample).toBeGreaterThan(startSample);
    });
    const price = plan.words.find(({ word }) => word === '$3.14');
    expect((price?.endSample ?? 0) - (price?.startSample ?? 0)).toBeGreaterThan(0.8 * 22_050);
  });

  it('has nothing to say where there is nothing to pronounce', async () => {
    const plan = await encode(engine, 'silent', utterance({ text: '— …' }));
    expect(plan).toMatchObject({ durations: [], totalSamples: 0, windows: [], phonemes: [] });
    expect(plan.words).toEqual([
      { word: '—', startSample: 0, endSample: 0 },
      { word: '…', startSample: 0, endSample: 0 },
    ]);
  });

  it('fails one step of a batch alone, and every step of what was released', async () => {
    await encode(engine, 'kept', utterance({ text: clause }));
    await encode(engine, 'gone', utterance({ text: clause }));
    engine.release('gone');
    const results = await engine.step([
      { op: 'decode', id: 'gone', window: 0 },
      { op: 'decode', id: 'kept', window: 0 },
      { op: 'decode', id: 'kept', window: 99 },
    ]);
    expect(results[0]).toEqual({ failed: 'no window 0 of utterance gone is open' });
    expect(results[1]).toMatchObject({ op: 'decode' });
    expect(results[2]).toEqual({ failed: 'no window 99 of utterance kept is open' });
  });

  it('refuses int8, and a folder without a voice, by name', async () => {
    await expect(createVitsEngine({ ...settings(), precision: 'int8' })).rejects.toThrow(
      'precision int8: the engine vits runs in float32 only',
    );
    await expect(createVitsEngine({ ...settings(), modelFolder: __dirname })).rejects.toThrow('must hold one voice');
  });
});
