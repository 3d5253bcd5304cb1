import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ct2Weights, float32OfHalves } from './ct2-weights';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'weights-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};

const text = (value: string): Buffer => {
  const buffer = Buffer.alloc(value.length + 3);
  buffer.writeUInt16LE(value.length + 1);
  buffer.write(value, 2);
  return buffer;
};

const variable = (name: string, dims: readonly number[], type: number, data: Buffer): Buffer =>
  Buffer.concat([text(name), Buffer.of(dims.length), ...dims.map(u32), Buffer.of(type), u32(data.length), data]);

/** A file as CTranslate2 writes it, with a variable that is longer than what is read at once. */
function model(changes: { version?: number; spec?: string } = {}): Buffer {
  const variables = [
    variable('big', [50_000], 4, Buffer.alloc(100_000)),
    variable('floats', [2, 1], 0, Buffer.from(Float32Array.of(1.5, -2).buffer)),
    variable('halves', [3], 4, Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x3555).buffer)),
    variable('heads', [], 2, Buffer.of(6, 0)),
    variable('quantised', [2], 1, Buffer.of(1, 2)),
  ];
  return Buffer.concat([
    u32(changes.version ?? 6),
    text(changes.spec ?? 'WhisperSpec'),
    u32(3),
    u32(variables.length),
    ...variables,
    u32(1),
    text('alias'),
    text('floats'),
  ]);
}

function write(bytes: Buffer): string {
  const path = join(folder, 'model.bin');
  writeFileSync(path, bytes);
  return path;
}

describe('Ct2Weights', () => {
  it('reads variables of single and half precision, whole numbers, and aliases', async () => {
    const weights = await Ct2Weights.open(write(model()));
    expect(weights.dims('floats')).toEqual([2, 1]);
    expect(await weights.read('floats')).toEqual(Float32Array.of(1.5, -2));
    expect(await weights.read('alias')).toEqual(Float32Array.of(1.5, -2));
    const [one, minusTwo, third] = await weights.read('halves');
    expect([one, minusTwo]).toEqual([1, -2]);
    expect(third).toBeCloseTo(1 / 3, 3);
    expect(await weights.readHalves('halves')).toEqual(Uint16Array.of(0x3c00, 0xc000, 0x3555));
    expect(await weights.readInteger('heads')).toBe(6);
    expect(weights.has('nothing')).toBe(false);
    await weights.close();
  });

  it('says what is wrong with what it cannot read', async () => {
    const weights = await Ct2Weights.open(write(model()));
    await expect(weights.read('quantised')).rejects.toThrow('float16');
    await expect(weights.read('nothing')).rejects.toThrow('no weight nothing');
    await weights.close();
  });

  it('refuses other files', async () => {
    await expect(Ct2Weights.open(write(model({ version: 5 })))).rejects.toThrow('version 5');
    await expect(Ct2Weights.open(write(model({ spec: 'TransformerSpec' })))).rejects.toThrow('not a Whisper');
    await expect(Ct2Weights.open(write(Buffer.from('hello')))).rejects.toThrow();
  });

  it('refuses a file that was cut off', async () => {
    await expect(Ct2Weights.open(write(model().subarray(0, -10)))).rejects.toThrow('ends too early');
  });
});

describe('float32OfHalves', () => {
  it('is exact for every kind of number', () => {
    const halves = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00);
    const exact = [0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity];
    expect([...float32OfHalves(halves)]).toEqual(exact);
    expect(float32OfHalves(Uint16Array.of(0x7e00))[0]).toBeNaN();
  });
});
