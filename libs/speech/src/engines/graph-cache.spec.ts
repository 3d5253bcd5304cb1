import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GraphCache, type DerivedFiles, type KeptFiles } from './graph-cache';
import { modelHash } from './trusted-files';

const derivation = { label: 'cut', version: 2 };
const content = { 'a.onnx': Buffer.from('graph a'), 'b.onnx': Buffer.from('graph b') };

describe('GraphCache', () => {
  let root: string;
  let model: string;
  let graphs: string;
  /** The process would remove it when it ends, which under jest it does not notice. */
  let temporary: string | undefined;
  const make = jest.fn((): DerivedFiles => content);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'cache-'));
    await mkdir(join(root, 'models'));
    model = join(root, 'models', 'model.bin');
    graphs = join(root, 'graphs');
    await writeFile(model, 'weights');
    make.mockClear();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(root, { recursive: true });
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  });

  const keep = async (over: object = {}): Promise<KeptFiles> => {
    const kept = await (await GraphCache.of(model, graphs)).keep({ ...derivation, ...over }, make);
    const folder = dirname(dirname(kept['a.onnx'] ?? ''));
    if (dirname(folder) === tmpdir()) temporary = folder;
    return kept;
  };
  /** Nothing can be written beside the model, whoever runs the test. */
  const closeModels = (): Promise<void> => writeFile(join(root, 'models', '.graphs'), 'a file');
  const textOf = (kept: KeptFiles): Promise<string> => readFile(kept['a.onnx'] ?? '', 'utf8');
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
  const timesMade = (): number => make.mock.calls.length;

  it('makes files once, beside the model, and finds them again', async () => {
    const first = await keep();
    expect(await keep()).toEqual(first);
    expect(timesMade()).toBe(1);
    expect(dirname(dirname(first['a.onnx'] ?? ''))).toBe(join(root, 'models', '.graphs'));
    expect(await textOf(first)).toBe('graph a');
    expect(await readFile(first['b.onnx'] ?? '', 'utf8')).toBe('graph b');
  });

  it('uses its own folder where nothing can be written beside the model', async () => {
    await closeModels();
    const kept = await keep();
    expect(dirname(dirname(kept['a.onnx'] ?? ''))).toBe(graphs);
    await keep();
    expect(timesMade()).toBe(1);
  });

  it('lets nobody else read or write what it makes', async () => {
    await closeModels();
    const kept = await keep();
    const entry = dirname(kept['a.onnx'] ?? '');
    expect([await modeOf(graphs), await modeOf(entry), await modeOf(kept['a.onnx'] ?? '')]).toEqual([
      0o700, 0o700, 0o600,
    ]);
  });

  it('uses a private temporary folder where neither can be written', async () => {
    await closeModels();
    await writeFile(graphs, 'a file');
    const kept = await keep();
    const folder = dirname(dirname(kept['a.onnx'] ?? ''));
    expect(dirname(folder)).toBe(tmpdir());
    expect(await modeOf(folder)).toBe(0o700);
    expect(await textOf(kept)).toBe('graph a');
  });

  it('makes files again for another model, version or input, and keeps both', async () => {
    await keep();
    await keep({ inputs: 'int8' });
    await keep({ version: 3 });
    await writeFile(model, 'other weights');
    await keep();
    expect(timesMade()).toBe(4);
  });

  it('removes what an older version made, and leaves what a newer one or another derivation did', async () => {
    const folder = join(root, 'models', '.graphs');
    await mkdir(folder, { mode: 0o700 });
    for (const name of ['cut-1-abc', 'cut-3-abc', 'silence-1-abc']) await mkdir(join(folder, name));
    await keep();
    expect(await readdir(folder)).toEqual(
      expect.arrayContaining(['cut-3-abc', 'silence-1-abc', expect.stringMatching(/^cut-2-/)]),
    );
    expect(await readdir(folder)).not.toContain('cut-1-abc');
  });

  it('leaves nothing half-written when several make the same files', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => keep()));
    expect(new Set(all.map((kept) => kept['a.onnx'])).size).toBe(1);
    const names = await readdir(join(root, 'models', '.graphs'));
    expect(names.map((name) => name.split('-')[0]).sort()).toEqual(['cut', 'model']);
  });

  it('keeps nothing when making fails', async () => {
    make.mockImplementationOnce(() => {
      throw new Error('no');
    });
    await expect(keep()).rejects.toThrow('no');
    expect(await readdir(join(root, 'models', '.graphs'))).toEqual([expect.stringMatching(/^model-/)]);
  });

  it('does not read a model again that has not changed, and does not believe a note of others about it', async () => {
    const folder = join(root, 'models', '.graphs');
    await keep();
    const [note = ''] = (await readdir(folder)).filter((name) => name.startsWith('model-'));
    const other = 'f'.repeat(64);
    await writeFile(join(folder, note), other);
    expect(await modelHash(model, [folder])).toBe(other);
    await chmod(join(folder, note), 0o606);
    expect(await modelHash(model, [folder])).not.toBe(other);
  });

  it('reads a model again whose content changed, though its size and its time are as before', async () => {
    const before = await stat(model);
    const first = await modelHash(model, [graphs]);
    await writeFile(model, 'WEIGHTS');
    await utimes(model, before.atime, before.mtime);
    expect(await modelHash(model, [graphs])).not.toBe(first);
  });

  describe('does not trust', () => {
    /** Gives a path to another user; who may not do that is another user from here on. */
    const toAnotherUser = async (path: string): Promise<void> => {
      const user = process.getuid?.() ?? 0;
      if (user === 0) await chown(path, 12_345, 12_345);
      else jest.spyOn(process, 'getuid').mockReturnValue(user + 1);
    };
    const plant = async (path: string, text = 'planted'): Promise<void> => {
      await rm(path);
      await writeFile(path, text, { mode: 0o600 });
    };

    it.each<[string, (kept: { file: string; entry: string; folder: string }) => Promise<unknown>]>([
      ['a file with another content', ({ file }) => writeFile(file, 'graph x')],
      ['a file that group or others may write', ({ file }) => chmod(file, 0o620)],
      ['a file of another user', ({ file }) => toAnotherUser(file)],
      [
        'a symbolic link to a file',
        async ({ file }) => {
          await rename(file, `${file}.moved`);
          await symlink(`${file}.moved`, file);
        },
      ],
      ['an entry that group or others may write', ({ entry }) => chmod(entry, 0o702)],
      ['an entry of another user', ({ entry }) => toAnotherUser(entry)],
      [
        'a symbolic link to an entry',
        async ({ entry }) => {
          await rename(entry, join(root, 'elsewhere'));
          await symlink(join(root, 'elsewhere'), entry);
        },
      ],
      ['a folder that group or others may write', ({ folder }) => chmod(folder, 0o777)],
      ['a folder of another user', ({ folder }) => toAnotherUser(folder)],
      [
        'a symbolic link to a folder',
        async ({ folder }) => {
          await rename(folder, join(root, 'elsewhere'));
          await symlink(join(root, 'elsewhere'), folder);
        },
      ],
      ['an entry with an unreadable record', ({ entry }) => plant(join(entry, 'sha256.json'), '{')],
      ['an entry without a record', ({ entry }) => rm(join(entry, 'sha256.json'))],
      [
        'a record that names a file elsewhere',
        ({ entry }) => plant(join(entry, 'sha256.json'), JSON.stringify({ '../../model.bin': 'x' })),
      ],
    ])('%s: the files are made again', async (_what, harm) => {
      await closeModels();
      const file = (await keep())['a.onnx'] ?? '';
      await harm({ file, entry: dirname(file), folder: graphs });
      // Who only pretends to be another user cannot write anywhere.
      const again = await keep().then(textOf, () => 'kept nowhere');
      expect(timesMade()).toBe(2);
      expect(['graph a', 'kept nowhere']).toContain(again);
    });
  });

  it('reads what root prepared beside the model for everybody to read', async () => {
    const file = (await keep())['a.onnx'] ?? '';
    await chmod(dirname(dirname(file)), 0o755);
    await chmod(dirname(file), 0o755);
    await chmod(file, 0o644);
    await keep();
    expect(timesMade()).toBe(1);
  });
});
