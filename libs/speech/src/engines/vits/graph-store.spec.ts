import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
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

  const inode = async (path: string): Promise<number> => (await stat(path)).ino;

  it('keeps the parts as files in one hidden folder beside the voice', async () => {
    const graphs = await storedGraphs(voice);
    expect(dirname(graphs.text)).toBe(join(folder, '.tiny.onnx.cut'));
    expect((await readdir(dirname(graphs.text))).sort()).toEqual([
      'decoder.onnx',
      'flow.onnx',
      'layout.json',
      'predictor.onnx',
      'text.onnx',
    ]);
    expect((await readdir(folder)).sort()).toEqual(['.tiny.onnx.cut', 'tiny.onnx', 'tiny.onnx.json']);
  });

  it('cuts only once', async () => {
    const first = await storedGraphs(voice);
    const made = await inode(first.text);
    expect(await storedGraphs(voice)).toEqual(first);
    expect(await inode(first.text)).toBe(made);
  });

  it('does not cut again when only the time of the file changed', async () => {
    const made = await inode((await storedGraphs(voice)).text);
    await utimes(voice, 1_000, 1_000);
    expect(await inode((await storedGraphs(voice)).text)).toBe(made);
  });

  it('cuts again when the voice changed', async () => {
    const made = await inode((await storedGraphs(voice)).text);
    // An unknown field at the end: another file, the same voice.
    await writeFile(voice, Buffer.concat([await readFile(voice), Buffer.of(0xba, 0x3e, 1, 7)]));
    expect(await inode((await storedGraphs(voice)).text)).not.toBe(made);
  });

  it.each(['', '{', '{"key":{"cutterVersion":0}}'])(
    'cuts again when what is kept is unreadable or old: %p',
    async (content) => {
      const { text } = await storedGraphs(voice);
      const made = await inode(text);
      await writeFile(join(dirname(text), 'layout.json'), content);
      expect(await inode((await storedGraphs(voice)).text)).not.toBe(made);
    },
  );

  it('may be called by several processes at once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => storedGraphs(voice)));
    for (const graphs of all) {
      expect(basename(dirname(graphs.text))).toBe('.tiny.onnx.cut');
      expect((await stat(graphs.decoder)).isFile()).toBe(true);
    }
    expect(await readdir(folder)).toHaveLength(3);
  });

  it('says so when the file is no voice', async () => {
    await writeFile(voice, 'not a model');
    await expect(storedGraphs(voice)).rejects.toThrow('this file is not an ONNX model');
  });
});
