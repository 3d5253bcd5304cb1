import { rmSync } from 'node:fs';
import { cp, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWithModels, modelFolder } from '../../../../../test/support/models';
import { noise } from '../../../../../test/support/noise';
import { readTwoCities } from '../../../../../test/support/two-cities';
import { wordErrorRate } from '../../../../../test/support/word-error-rate';
import { Resampler, sttSampleRateHz } from '../../audio';
import type { Recognition, SttEngine } from '../stt-engine';
import { createWhisperEngine, type WhisperSettings } from './whisper-engine';

/** Utterances of the reading, in seconds, and what is said in them. */
const utterances: readonly (readonly [number, number, string])[] = [
  [
    0.8,
    8.6,
    'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,',
  ],
  [8.4, 13.1, 'it was the epoch of belief, it was the epoch of incredulity,'],
  [13.1, 17.1, 'it was the season of light, it was the season of darkness,'],
  [16.9, 20.7, 'it was the spring of hope, it was the winter of despair,'],
  [20.7, 24.4, 'we had everything before us, we had nothing before us,'],
];

const settings = (id: string, changes: Partial<WhisperSettings> = {}): WhisperSettings => ({
  modelFolder: modelFolder(id),
  threads: 1,
  precision: 'int8',
  executionProvider: 'cpu',
  ...changes,
});

let reading: Float32Array;

function readSpeech(): void {
  const { samples, sampleRateHz } = readTwoCities();
  reading = new Resampler(sampleRateHz, sttSampleRateHz).push(samples);
}

const part = (from: number, to: number): Float32Array =>
  reading.slice(Math.round(from * sttSampleRateHz), Math.round(to * sttSampleRateHz));

interface Wish {
  readonly language?: string;
  readonly words?: boolean;
}

async function recognise(engine: SttEngine, audio: readonly Float32Array[], wish: Wish = {}): Promise<Recognition[]> {
  const { language = 'en', words = false } = wish;
  const answers = await engine.step(
    audio.map((samples, index) => ({ op: 'transcribe', id: `utterance-${index}`, samples, language, words })),
  );
  return answers.map((answer) => {
    if ('failed' in answer || answer.op !== 'transcribe') throw new Error(JSON.stringify(answer));
    return answer.recognition;
  });
}

async function errorsOf(engine: SttEngine): Promise<number> {
  const found = await recognise(
    engine,
    utterances.map(([from, to]) => part(from, to)),
  );
  const heard = found.map(({ text }) => text).join(' ');
  return wordErrorRate(utterances.map(([, , text]) => text).join(' '), heard).rate;
}

describeWithModels(['whisper-tiny-en', 'speech-two-cities'], 'whisper tiny.en', () => {
  let engine: SttEngine;
  beforeAll(async () => {
    readSpeech();
    engine = await createWhisperEngine(settings('whisper-tiny-en'));
    await engine.warmUp();
  }, 300_000);
  afterAll(() => engine.close());

  it('understands a real reading', async () => {
    expect(await errorsOf(engine)).toBeLessThan(0.08);
  }, 180_000);

  it('understands each utterance of a batch as it does alone', async () => {
    const audio = utterances.map(([from, to]) => part(from, to));
    const together = await recognise(engine, [...audio, part(0, 0.7)], { words: true });
    for (const [index, samples] of audio.entries()) {
      const [alone] = await recognise(engine, [samples], { words: true });
      expect({ ...together[index], encodeMs: 0, decodeMs: 0 }).toEqual({ ...alone, encodeMs: 0, decodeMs: 0 });
    }
  }, 180_000);

  it('answers the same each time', async () => {
    const [first] = await recognise(engine, [part(8.4, 13.1)]);
    const [second] = await recognise(engine, [part(8.4, 13.1)]);
    expect({ ...second, encodeMs: 0, decodeMs: 0 }).toEqual({ ...first, encodeMs: 0, decodeMs: 0 });
  });

  it.each([0, 0.02, 0.9])(
    'writes nothing for 30 s of noise with peak %d',
    async (peak) => {
      const found = await recognise(engine, [noise(30, peak), noise(5, peak), noise(1, peak)]);
      expect(found.map(({ text }) => text)).toEqual(['', '', '']);
    },
    60_000,
  );

  it('takes no samples at all for silence', async () => {
    expect((await recognise(engine, [new Float32Array(0)]))[0]?.text).toBe('');
  });

  it('times words when asked, in order, within the audio, near the speech', async () => {
    const samples = part(0, 8.6);
    const [found] = await recognise(engine, [samples], { words: true });
    expect(found?.words.map(({ word }) => word).join(' ')).toBe(found?.text);
    let last = 0;
    for (const { startSample, endSample } of found?.words ?? []) {
      expect(startSample).toBeGreaterThanOrEqual(last);
      expect(endSample).toBeGreaterThanOrEqual(startSample);
      last = endSample;
    }
    expect(last).toBeLessThanOrEqual(samples.length);
    const seconds = (word: string): number => {
      return (found?.words.find((each) => each.word.startsWith(word))?.startSample ?? NaN) / sttSampleRateHz;
    };
    expect(Math.abs(seconds('best') - 1.7)).toBeLessThan(0.4);
    expect(Math.abs(seconds('worst') - 3.6)).toBeLessThan(0.4);
    expect((await recognise(engine, [samples]))[0]?.words).toEqual([]);
  });

  it('knows one language only, takes no more than 30 s, and fails such steps alone', async () => {
    const step = { op: 'transcribe', id: 'a', samples: part(8.4, 13.1), language: 'en', words: false } as const;
    const answers = await engine.step([
      { ...step, language: 'de' },
      step,
      { ...step, samples: new Float32Array(30 * sttSampleRateHz + 1) },
    ]);
    expect(answers.map((answer) => 'failed' in answer)).toEqual([true, false, true]);
    expect(engine.capabilities).toEqual({ sampleRateHz: 16_000, languages: ['en'], maxBatch: 8 });
  });

  it('detects speech in streams, apart from transcribing', async () => {
    const detect = { op: 'detect', id: 'stream', samples: part(0, 3) } as const;
    const [answer] = await engine.step([detect]);
    engine.release('stream');
    expect(answer).toMatchObject({ op: 'detect' });
    const transcribe = { op: 'transcribe', id: 'a', samples: part(0, 1), language: 'en', words: false } as const;
    expect(engine.batchKey(detect)).not.toBe(engine.batchKey(transcribe));
    await expect(engine.step([detect, transcribe])).rejects.toThrow('cannot share a batch');
  });
});

describeWithModels(['whisper-tiny-en', 'speech-two-cities'], 'whisper with other settings', () => {
  beforeAll(readSpeech);

  it.each([
    ['float32 weights', { precision: 'float32' }],
    ['the whole context', { options: { contextSeconds: 30 } }],
    ['much padding', { options: { paddingSeconds: 3 } }],
    ['every position of the silence', { options: { silentGroupPositions: 1 } }],
  ] as const)(
    'understands a real reading with %s',
    async (_, changes) => {
      const engine = await createWhisperEngine(settings('whisper-tiny-en', changes));
      expect(await errorsOf(engine)).toBeLessThan(0.08);
      await engine.close();
    },
    120_000,
  );

  it('uses the whole context when a short one is in doubt', async () => {
    const engine = await createWhisperEngine(settings('whisper-tiny-en'));
    const hard = part(20.7, 24.4).reverse();
    const [found] = await recognise(engine, [hard]);
    expect(found?.fellBack).toBe(true);
    await engine.close();
  }, 300_000);
});

describeWithModels(['whisper-base', 'speech-two-cities'], 'whisper base, of many languages', () => {
  let engine: SttEngine;
  beforeAll(async () => {
    readSpeech();
    engine = await createWhisperEngine(settings('whisper-base'));
  }, 300_000);
  afterAll(() => engine.close());

  it('understands a real reading', async () => {
    expect(await errorsOf(engine)).toBeLessThan(0.04);
  }, 180_000);

  it('finds out the language when asked to', async () => {
    const [found] = await recognise(engine, [part(8.4, 13.1)], { language: 'auto' });
    expect(found?.language).toBe('en');
    expect(engine.capabilities.languages).toEqual(expect.arrayContaining(['en', 'de', 'zh']));
  }, 180_000);

  it('writes nothing for 30 s of silence and of noise', async () => {
    for (const peak of [0, 0.9]) {
      const found = await recognise(engine, [noise(30, peak), noise(5, peak)], { language: 'auto' });
      expect(found.map(({ text }) => text)).toEqual(['', '']);
    }
  }, 300_000);
});

describeWithModels(['whisper-tiny-en'], 'the folder of a whisper', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whisper-'));
    const source = modelFolder('whisper-tiny-en');
    await symlink(join(source, 'model.bin'), join(folder, 'model.bin'));
    for (const name of ['tokenizer.json', 'config.json']) await cp(join(source, name), join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('that is not whole is refused with what is wrong', async () => {
    await writeFile(join(folder, 'config.json'), '{}');
    await expect(createWhisperEngine({ ...settings('whisper-tiny-en'), modelFolder: folder })).rejects.toThrow(
      'suppress_ids',
    );
    rmSync(join(folder, 'model.bin'));
    await writeFile(join(folder, 'model.bin'), 'no weights');
    await expect(createWhisperEngine({ ...settings('whisper-tiny-en'), modelFolder: folder })).rejects.toThrow(
      'version',
    );
  });
});
