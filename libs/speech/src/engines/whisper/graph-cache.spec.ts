import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fingerprint, GraphCache } from './graph-cache';

let folder: string;
let model: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cache-'));
  model = join(folder, 'model.bin');
});
afterEach(() => rmSync(folder, { recursive: true }));

const key = `test-${process.pid}`;

describe('GraphCache', () => {
  it('makes a file once and finds it again', async () => {
    const make = jest.fn(() => Promise.resolve(Buffer.from('graph')));
    const first = await new GraphCache(model, key).keep('encoder.onnx', make);
    const second = await new GraphCache(model, key).keep('encoder.onnx', make);
    expect(make).toHaveBeenCalledTimes(1);
    expect(second).toBe(first);
    expect(readFileSync(String(second), 'utf8')).toBe('graph');
    expect(dirname(dirname(dirname(String(second))))).toBe(folder);
  });

  it('leaves nothing half-written when several make the same file', async () => {
    const cache = new GraphCache(model, key);
    const bytes = Buffer.alloc(1 << 20, 7);
    const paths = await Promise.all([1, 2, 3, 4].map(() => cache.keep('a', () => Promise.resolve(bytes))));
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(String(paths[0]))).toEqual(bytes);
    expect(readdirSync(dirname(String(paths[0])))).toEqual(['a']);
  });

  it('goes elsewhere when nothing can be written beside the model', async () => {
    writeFileSync(join(folder, '.model.bin.graphs'), 'a file where the folder should be');
    const path = String(await new GraphCache(model, key).keep('a', () => Promise.resolve(Buffer.from('x'))));
    expect(path.startsWith(folder)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('x');
    rmSync(dirname(path), { recursive: true });
  });

  it('keeps nothing when making fails', async () => {
    mkdirSync(join(folder, '.model.bin.graphs'));
    const failing = new GraphCache(model, key).keep('a', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(readdirSync(join(folder, '.model.bin.graphs'))).toEqual([]);
  });
});

describe('fingerprint', () => {
  it('differs for another content or size, at the start, in the middle, at the end', async () => {
    const size = 3_000_000;
    const prints = new Set<string>();
    for (const position of [-1, 0, size / 2, size - 1]) {
      const bytes = Buffer.alloc(size);
      if (position >= 0) bytes[position] = 1;
      writeFileSync(model, bytes);
      prints.add(await fingerprint(model));
    }
    writeFileSync(model, Buffer.alloc(size + 1));
    prints.add(await fingerprint(model));
    writeFileSync(model, Buffer.alloc(10));
    prints.add(await fingerprint(model));
    expect(prints.size).toBe(6);
    expect(await fingerprint(model)).toBe(await fingerprint(model));
  });
});
