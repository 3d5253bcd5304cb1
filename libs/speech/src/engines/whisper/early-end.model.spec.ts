import { describeWithModels, modelFolder } from '../../../../../test/support/models';
import { Resampler, sttSampleRateHz } from '../../audio';
import type { SampleSpan, SttEngine, SttStep } from '../stt-engine';
import { createVitsEngine } from '../vits';
import { createWhisperEngine } from './whisper-engine';

const settings = (id: string, precision: 'int8' | 'float32') =>
  ({ modelFolder: modelFolder(id), threads: 1, precision, executionProvider: 'cpu' }) as const;

/** Loudness below which the ends of synthesised audio count as silence. */
const audible = 0.015;

/** A sentence, a pause, and "Wait."; and where in the audio each sentence is. */
async function followedByWait(
  text: string,
  pauseSeconds: number,
): Promise<{ samples: Float32Array; speech: SampleSpan[] }> {
  const engine = await createVitsEngine(settings('piper-joe', 'float32'));
  const speak = async (text: string, seed: number): Promise<Float32Array> => {
    const utterance = { text, voice: 'piper-joe', seed, speed: 1 };
    const [encoded] = await engine.step([{ op: 'encode', id: text, utterance }]);
    if (!encoded || 'failed' in encoded || encoded.op !== 'encode') throw new Error(JSON.stringify(encoded));
    const resampler = new Resampler(engine.capabilities.sampleRateHz, sttSampleRateHz);
    const audio: number[] = [];
    for (const window of encoded.plan.windows.keys()) {
      const [decoded] = await engine.step([{ op: 'decode', id: text, window }]);
      if (!decoded || 'failed' in decoded || decoded.op !== 'decode') throw new Error(JSON.stringify(decoded));
      audio.push(...resampler.push(decoded.samples));
    }
    engine.release(text);
    const isAudible = (sample: number): boolean => Math.abs(sample) > audible;
    return Float32Array.from(audio.slice(audio.findIndex(isAudible), audio.findLastIndex(isAudible) + 1));
  };
  const [first, second] = [await speak(text, 1), await speak('Wait.', 11)];
  await engine.close();
  const firstStart = 0.3 * sttSampleRateHz;
  const secondStart = firstStart + first.length + Math.round(pauseSeconds * sttSampleRateHz);
  const samples = new Float32Array(secondStart + second.length + 0.3 * sttSampleRateHz);
  samples.set(first, firstStart);
  samples.set(second, secondStart);
  return {
    samples,
    speech: [
      { startSample: firstStart, endSample: firstStart + first.length },
      { startSample: secondStart, endSample: secondStart + second.length },
    ],
  };
}

describeWithModels(['whisper-tiny-en', 'piper-joe'], 'an utterance of two sentences', () => {
  let engine: SttEngine;
  let audio: Awaited<ReturnType<typeof followedByWait>>;
  beforeAll(async () => {
    audio = await followedByWait('Please send the report to my office.', 0.35);
    engine = await createWhisperEngine(settings('whisper-tiny-en', 'int8'));
  }, 300_000);
  afterAll(() => engine.close());

  const recognise = async (...steps: readonly Partial<SttStep>[]) => {
    const base = { op: 'transcribe', samples: audio.samples, language: 'en', words: true } as const;
    const results = await engine.step(steps.map((step, row) => ({ ...base, id: `row-${row}`, ...step })));
    return results.map((result) => {
      if ('failed' in result || result.op !== 'transcribe') throw new Error(JSON.stringify(result));
      return result.recognition;
    });
  };

  it('is recognised to its end where it is known that speech goes on', async () => {
    const [whole] = await recognise({ speech: audio.speech });
    expect(whole?.text).toMatch(/^Please send the report to my office\..*wait\.?$/i);
    const last = whole?.words.at(-1);
    expect(last?.word.toLowerCase()).toContain('wait');
    expect(last?.startSample).toBeGreaterThan(audio.speech[0]!.endSample);
    expect(last?.endSample).toBeLessThanOrEqual(audio.samples.length);
  }, 60_000);

  it.each([0.35, 0.42, 0.45])(
    'is recognised to its end after a short sentence, whose last word seems to reach over the pause of %d s',
    async (pauseSeconds) => {
      const { samples, speech } = await followedByWait('Thank you.', pauseSeconds);
      const [whole] = await recognise({ samples, speech });
      expect(whole?.text).toMatch(/^Thank you\..*wait\.?$/i);
    },
    60_000,
  );

  it('is recognised alone as beside others, and words come only where they are wanted', async () => {
    const [alone] = await recognise({ speech: audio.speech, words: false });
    const [first, , third] = await recognise(
      { speech: audio.speech, words: false },
      { samples: audio.samples.subarray(0, audio.speech[0]!.endSample) },
      { speech: audio.speech },
    );
    expect(first?.text).toBe(alone?.text);
    expect(first?.words).toEqual([]);
    expect(third?.text).toBe(alone?.text);
  }, 60_000);
});
