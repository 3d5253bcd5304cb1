import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readVitsConfig } from './vits-config';

const valid = {
  audio: { sample_rate: 22_050 },
  espeak: { voice: 'en-us' },
  inference: { noise_scale: 0.667, length_scale: 1, noise_w: 0.8 },
  phoneme_type: 'espeak',
  phoneme_id_map: { _: [0], '^': [1], $: [2], a: [14] },
  num_speakers: 1,
};

describe('readVitsConfig', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vits-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function read(content: unknown): ReturnType<typeof readVitsConfig> {
    const path = join(folder, 'voice.onnx.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readVitsConfig(path);
  }

  it('reads what the engine needs', async () => {
    expect(await read(valid)).toMatchObject({
      sampleRateHz: 22_050,
      espeakVoice: 'en-us',
      language: 'en',
      noiseScale: 0.667,
      durationNoiseScale: 0.8,
      lengthScale: 1,
      phonemeIds: new Map([
        ['_', [0]],
        ['^', [1]],
        ['$', [2]],
        ['a', [14]],
      ]),
    });
  });

  it.each([
    ['several speakers', { ...valid, num_speakers: 3 }, 'the voice has 3 speakers'],
    ['phonemes of another kind', { ...valid, phoneme_type: 'pinyin' }, 'phoneme_type is "pinyin"'],
    ['no eSpeak voice', { ...valid, espeak: {} }, 'espeak.voice is not a text'],
    ['no sample rate', { ...valid, audio: { sample_rate: '22050' } }, 'audio.sample_rate is not a number'],
    ['no start symbol', { ...valid, phoneme_id_map: { _: [0], $: [2] } }, 'phoneme_id_map lacks "^"'],
    ['odd ids', { ...valid, phoneme_id_map: { ...valid.phoneme_id_map, b: 'x' } }, 'no list of ids for "b"'],
  ])('refuses %s', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  it('refuses what is no JSON, and a file that is not there', async () => {
    await expect(read('{')).rejects.toThrow('is not a readable voice configuration');
    await expect(readVitsConfig(join(folder, 'absent.json'))).rejects.toThrow('is not a readable voice configuration');
  });
});
