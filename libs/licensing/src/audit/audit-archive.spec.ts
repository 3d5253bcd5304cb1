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

it('splits lines into files of a few mebibytes, at the end of a line', async () => {
  const line = Buffer.alloc(1024 * 1024, 'x');
  const parts = await all(archiveParts('audit', from(line, line, line, line, line)));
  expect(parts.map(({ name, content }) => [name, content.byteLength])).toEqual([
    ['audit-000001.jsonl', 4 * (line.byteLength + 1)],
    ['audit-000002.jsonl', line.byteLength + 1],
  ]);
  expect(await all(archiveParts('usage', from()))).toEqual([]);
});
