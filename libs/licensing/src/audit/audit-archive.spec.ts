import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createTarPacker } from 'modern-tar';
import { until } from '../../../../test/support/until';
import { archiveParts, isArchive, readArchive, writeArchive, type ArchiveEntry } from './audit-archive';

async function* from<T>(...values: readonly T[]): AsyncIterable<T> {
  for (const value of values) yield await Promise.resolve(value);
}
async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}
const bytesOf = async (...entries: ArchiveEntry[]): Promise<Buffer> =>
  Buffer.concat(await all(writeArchive(from(...entries), Date.parse('2026-11-29T09:30:00Z'))));
const entry = (name: string, text: string): ArchiveEntry => ({ name, content: Buffer.from(text) });

it('reads what it wrote, in chunks of any size', async () => {
  const entries = [entry('a.pem', ''), entry('b.jsonl', 'x'.repeat(512)), entry('c.jsonl', 'y'.repeat(700))];
  const archive = await bytesOf(...entries);
  expect([archive.byteLength % 512, isArchive(archive)]).toEqual([0, true]);
  for (const size of [1, 100, 512, archive.byteLength]) {
    const chunks = Array.from({ length: Math.ceil(archive.byteLength / size) }, (_, index) =>
      archive.subarray(index * size, (index + 1) * size),
    );
    const read = await all(readArchive(from(...chunks)));
    expect(read.map(({ name, content }) => [name, Buffer.from(content).toString()])).toEqual(
      entries.map(({ name, content }) => [name, Buffer.from(content).toString()]),
    );
  }
});

it('refuses an archive that was cut or damaged', async () => {
  const archive = await bytesOf(entry('a', 'x'.repeat(600)));
  await expect(all(readArchive(from(archive.subarray(0, 900))))).rejects.toThrow('ends too early');
  archive[0] = 0x7a;
  await expect(all(readArchive(from(archive)))).rejects.toThrow('damaged');
  expect(isArchive(Buffer.from('{"seq":1}'.padEnd(512)))).toBe(false);
});

it('reads what it can of an archive that was changed anywhere, or refuses it', async () => {
  const archive = await bytesOf(entry('a', 'x'.repeat(600)), entry('b', ''), entry('c', 'y'.repeat(2_000)));
  const changes = fc.array(fc.tuple(fc.nat(archive.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      changes,
      fc.nat(archive.byteLength),
      fc.integer({ min: 1, max: 3_000 }),
      async (made, cut, size) => {
        const changed = Buffer.from(archive);
        for (const [at, value] of made) changed[at] = value;
        const chunks = Array.from({ length: Math.ceil(cut / size) }, (_, index) =>
          changed.subarray(index * size, Math.min((index + 1) * size, cut)),
        );
        const read = await all(readArchive(from(...chunks))).catch((error: unknown) => error);
        if (Array.isArray(read)) expect(read.length).toBeLessThanOrEqual(3);
        else expect(read).toBeInstanceOf(RangeError);
      },
    ),
  );
});

it.each([64 * 1024 * 1024, 2 ** 43])('refuses a file that states %d bytes before they come', async (size) => {
  const { readable, controller } = createTarPacker();
  controller.add({ name: 'a', size });
  await expect(all(readArchive(readable))).rejects.toThrow('too large');
});

it('takes hostile names as they are', async () => {
  const names = ['../../etc/passwd', '/etc/passwd', '__proto__', 'a\u0000b', 'x'.repeat(400)];
  const read = await all(readArchive(from(await bytesOf(...names.map((name) => entry(name, 'x'))))));
  expect(read.map(({ name }) => name)).toEqual(['../../etc/passwd', '/etc/passwd', '__proto__', 'a', 'x'.repeat(400)]);
});

describe('with the tar of the system', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-archive-'));
  const tar = (...args: string[]): Buffer => execFileSync('tar', ['-C', folder, ...args]);
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([{ options: [] }, { options: ['--format', 'ustar'] }, { options: ['--format', 'pax'] }])(
    'reads the files of one made with $options, and leaves links and folders out',
    async ({ options }) => {
      const inner = join(folder, 'x');
      const name = 'b'.repeat(99);
      mkdirSync(inner);
      writeFileSync(join(inner, 'a.jsonl'), 'x'.repeat(600));
      writeFileSync(join(inner, name), 'y');
      symlinkSync('a.jsonl', join(inner, 'link'));
      const archive = tar('--no-recursion', ...options, '-cf', '-', 'x', 'x/link', 'x/a.jsonl', `x/${name}`);
      rmSync(inner, { recursive: true });
      expect(isArchive(archive)).toBe(true);
      const read = await all(readArchive(from(archive)));
      expect(read.map(({ name, content }) => [name, content.byteLength])).toEqual([
        ['x/a.jsonl', 600],
        [`x/${name}`, 1],
      ]);
    },
  );

  it('is read by it', async () => {
    const archive = await bytesOf(entry('a.pem', 'x'), entry('b.jsonl', 'y'.repeat(700)));
    writeFileSync(join(folder, 'x.tar'), archive);
    expect(tar('-tf', join(folder, 'x.tar')).toString()).toBe('a.pem\nb.jsonl\n');
  });
});

it('closes what it reads from as soon as nobody wants more, and passes on why that cannot be read', async () => {
  const archive = await bytesOf(entry('a', 'x'), entry('b', 'x'.repeat(4 * 1024 * 1024)));
  let given = 0;
  const closed = jest.fn();
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    try {
      for (; given < archive.byteLength; given += 512)
        yield await Promise.resolve(archive.subarray(given, given + 512));
    } finally {
      closed();
    }
  };
  for await (const { name } of readArchive(chunks())) {
    expect(name).toBe('a');
    break;
  }
  expect(given).toBeLessThan(archive.byteLength / 2);
  await until(() => closed.mock.calls.length === 1);
  const failing = async function* (): AsyncIterable<Uint8Array> {
    yield await Promise.resolve(archive.subarray(0, 700));
    throw new Error('EIO');
  };
  await expect(all(readArchive(failing()))).rejects.toThrow('EIO');
});

it('reads no more entries while nobody takes the archive, and gives up where one fails', async () => {
  let read = 0;
  const closed = jest.fn();
  const entries = async function* (): AsyncIterable<ArchiveEntry> {
    try {
      for (; read < 100; read++) yield await Promise.resolve({ name: `${read}`, content: Buffer.alloc(1024 * 1024) });
      throw new Error('gone');
    } finally {
      closed();
    }
  };
  for await (const chunk of writeArchive(entries(), 0)) {
    expect(chunk.byteLength).toBe(512);
    await new Promise((resolve) => setImmediate(resolve));
    break;
  }
  await until(() => closed.mock.calls.length === 1);
  expect(read).toBeLessThanOrEqual(16);
  read = 99;
  await expect(all(writeArchive(entries(), 0))).rejects.toThrow('gone');
});

it('splits lines into files of a few mebibytes, at the end of a line', async () => {
  const line = Buffer.alloc(1024 * 1024, 'x');
  const parts = await all(archiveParts('audit', from(line, line, line, line, line)));
  expect(parts.map(({ name, content }) => [name, content.byteLength])).toEqual([
    ['audit-000001.jsonl', 4 * (line.byteLength + 1)],
    ['audit-000002.jsonl', line.byteLength + 1],
  ]);
  expect(await all(archiveParts('usage', from()))).toEqual([]);
});
