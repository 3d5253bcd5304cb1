import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
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

  const inode = async (path: string): Promise<number> => (await stat(path)).ino;

  it('keeps the parts as files in one hidden folder beside the voice', async () => {
    const graphs = await storedGraphs(voice);
    expect(dirname(graphs.text)).toMatch(new RegExp(`^${folder}/.tiny.onnx.cut-\\d+$`));
    expect((await readdir(dirname(graphs.text))).sort()).toEqual([
      'decoder.onnx',
      'flow.onnx',
      'layout.json',
      'predictor.onnx',
      'text.onnx',
    ]);
    expect((await readdir(folder)).sort()).toEqual([
      expect.stringMatching(/^\.tiny\.onnx\.cut-\d+$/),
      'tiny.onnx',
      'tiny.onnx.json',
    ]);
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
    const again = await storedGraphs(voice);
    expect(await inode(again.text)).toBe(made);
    const layout = await readFile(join(dirname(again.text), 'layout.json'), 'utf8');
    expect(JSON.parse(layout)).toMatchObject({ source: { modifiedMs: 1_000_000 } });
  });

  it('cuts again when the voice changed', async () => {
    const made = await inode((await storedGraphs(voice)).text);
    // An unknown field at the end: another file, the same voice.
    await writeFile(voice, Buffer.concat([await readFile(voice), Buffer.of(0xba, 0x3e, 1, 7)]));
    expect(await inode((await storedGraphs(voice)).text)).not.toBe(made);
  });

  it.each(['', '{', '{"layout":{}}'])('cuts again when what is kept is unreadable: %p', async (content) => {
    const { text } = await storedGraphs(voice);
    const made = await inode(text);
    await writeFile(join(dirname(text), 'layout.json'), content);
    expect(await inode((await storedGraphs(voice)).text)).not.toBe(made);
  });

  it('removes what an earlier release cut, and leaves what a later one did', async () => {
    await mkdir(join(folder, '.tiny.onnx.cut-1'));
    await mkdir(join(folder, '.tiny.onnx.cut-999'));
    await storedGraphs(voice);
    const names = await readdir(folder);
    expect(names).not.toContain('.tiny.onnx.cut-1');
    expect(names).toContain('.tiny.onnx.cut-999');
  });

  it('goes to the temporary folder where the voice cannot be written beside', async () => {
    // Whoever runs the tests: a folder with so long a name cannot be made.
    const { text } = await storedGraphs(await writeTinyVoice(folder, 'v'.repeat(245)));
    expect(dirname(dirname(text))).toBe(tmpdir());
    expect((await stat(text)).isFile()).toBe(true);
    await rm(dirname(text), { recursive: true });
  });

  it('may be called by several processes at once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => storedGraphs(voice)));
    for (const graphs of all) {
      expect(dirname(graphs.text)).toBe(dirname(all[0]?.text ?? ''));
      expect((await stat(graphs.decoder)).isFile()).toBe(true);
    }
    expect(await readdir(folder)).toHaveLength(3);
  });

  it('says so when the file is no voice', async () => {
    await writeFile(voice, 'not a model');
    await expect(storedGraphs(voice)).rejects.toThrow('this file is not an ONNX model');
  });
});
