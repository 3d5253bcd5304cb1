import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeTinyVoice } from '../../../test/tiny-voice';
import { storedGraphs } from './graph-store';

describe('storedGraphs', () => {
  let folder: string;
  let voice: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'voices-'));
    voice = await writeTinyVoice(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps the parts as files in one folder, with the layout beside them', async () => {
    const graphs = await storedGraphs(voice);
    expect((await readdir(dirname(graphs.text))).sort()).toEqual([
      'decoder.onnx',
      'flow.onnx',
      'layout.json',
      'predictor.onnx',
      'sha256.json',
      'text.onnx',
    ]);
    expect(graphs.layout.samplesPerFrame).toBeGreaterThan(0);
  });

  it('cuts only once', async () => {
    const first = await storedGraphs(voice);
    const { ino } = await stat(first.text);
    expect(await storedGraphs(voice)).toEqual(first);
    expect((await stat(first.text)).ino).toBe(ino);
  });

  it('says so when the file is no voice', async () => {
    await writeFile(voice, 'not a model');
    await expect(storedGraphs(voice)).rejects.toThrow('this file is not an ONNX model');
  });
});
