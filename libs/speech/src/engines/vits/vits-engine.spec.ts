import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinySamplesPerFrame, writeTinyVoice } from '../../../test/tiny-voice';
import type { EngineSettings } from '../engine';
import type { TtsEngine, TtsStep, UtterancePlan } from '../tts-engine';
import { createVitsEngine } from './create-vits-engine';

const text = 'The quick brown fox jumps over the lazy dog, and the dog does not mind at all.';

describe('VitsEngine with a tiny voice', () => {
  let folder: string;
  let settings: EngineSettings;
  let engine: TtsEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'voices-'));
    await writeTinyVoice(folder);
    settings = { modelFolder: folder, threads: 1, precision: 'float32', executionProvider: 'cpu' };
    engine = await createVitsEngine(settings);
    await engine.warmUp();
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  async function encode(id: string, seed = 1, on = engine): Promise<UtterancePlan> {
    const utterance = { text, voice: 'tiny', seed, speed: 1 };
    const [result] = await on.step([{ op: 'encode', id, utterance }]);
    if (!result || 'failed' in result || result.op !== 'encode') throw new Error(JSON.stringify(result));
    return result.plan;
  }

  async function decode(steps: readonly { id: string; window: number }[], on = engine): Promise<Float32Array[]> {
    const results = await on.step(steps.map((step) => ({ op: 'decode', ...step })));
    return results.map((result) => ('samples' in result ? result.samples : new Float32Array()));
  }

  it('plans windows that cover the audio without gap or overlap', async () => {
    const plan = await encode('plan');
    expect(plan.totalSamples % tinySamplesPerFrame).toBe(0);
    expect(plan.windows.length).toBeGreaterThan(3);
    plan.windows.forEach(({ startSample }, index) =>
      expect(startSample).toBe(index === 0 ? 0 : plan.windows[index - 1]?.endSample),
    );
    expect(plan.windows.at(-1)?.endSample).toBe(plan.totalSamples);
  });

  it('decodes windows in any order, as often as asked, with the same samples', async () => {
    const { windows } = await encode('forward');
    await encode('backward');
    const forward: Float32Array[] = [];
    for (const window of windows.keys()) forward.push(...(await decode([{ id: 'forward', window }])));
    for (const window of [...windows.keys()].reverse()) {
      const [samples] = await decode([{ id: 'backward', window }]);
      expect(samples).toEqual(forward[window]);
      expect((await decode([{ id: 'backward', window }]))[0]).toEqual(samples);
    }
  });

  it('gives windows a batch key that says which may share a run', async () => {
    const plan = await encode('one');
    await encode('two', 2);
    const key = (id: string, window: number): string => engine.batchKey({ op: 'decode', id, window });
    expect(key('one', 0)).toBe(key('two', 0));
    expect(key('one', 1)).toBe(key('two', 1));
    expect(new Set(plan.windows.map((_, window) => key('one', window))).size).toBeGreaterThan(2);
    expect(key('one', 0)).not.toBe(engine.batchKey({ op: 'encode', id: 'x', utterance: { ...utteranceOf(1) } }));
  });

  it('makes the same samples in a batch as alone', async () => {
    await encode('one', 1);
    await encode('two', 2);
    for (const window of [0, 1]) {
      const alone = [...(await decode([{ id: 'one', window }])), ...(await decode([{ id: 'two', window }]))];
      expect(
        await decode([
          { id: 'one', window },
          { id: 'two', window },
        ]),
      ).toEqual(alone);
      expect(alone[0]).not.toEqual(alone[1]);
    }
  });

  it('answers in the order of the batch, also when encoding and failing steps are among it', async () => {
    const steps: TtsStep[] = [
      { op: 'encode', id: 'slow', utterance: { ...utteranceOf(3), speed: 0 } },
      { op: 'encode', id: 'fine', utterance: utteranceOf(3) },
    ];
    const results = await engine.step(steps);
    expect(results[0]).toEqual({ failed: 'the speed of an utterance must be above 0' });
    expect(results[1]).toMatchObject({ op: 'encode' });
  });

  it('makes the same in another instance', async () => {
    const plan = await encode('here');
    const other = await createVitsEngine(settings);
    expect((await encode('there', 1, other)).durations).toEqual(plan.durations);
    expect(await decode([{ id: 'there', window: 2 }], other)).toEqual(await decode([{ id: 'here', window: 2 }]));
    await other.close();
  });

  it('warms up without leaving anything open', () => {
    expect(engine.batchKey({ op: 'decode', id: 'warm-up', window: 0 })).toBe('unknown');
  });

  it('refuses a folder that holds two voices', async () => {
    const both = await mkdtemp(join(tmpdir(), 'voices-'));
    await writeTinyVoice(both, 'a');
    await writeTinyVoice(both, 'b');
    await expect(createVitsEngine({ ...settings, modelFolder: both })).rejects.toThrow('it holds 2');
    await rm(both, { recursive: true });
  });

  const utteranceOf = (seed: number) => ({ text, voice: 'tiny', seed, speed: 1 });
});
