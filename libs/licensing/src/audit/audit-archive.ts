/** Name of the public keys in an export, and beside one. */
export const auditKeysName = 'audit-public.pem';
/** Names of the entries of an export: `audit-000001.jsonl`, `usage-000001.jsonl`. Sorted by name they are in order. */
export const archivePart = (kind: 'audit' | 'usage', number: number): string =>
  `${kind}-${String(number).padStart(6, '0')}.jsonl`;
/** An entry ends with the line that exceeds this. */
const partBytes = 4 * 1024 * 1024;
/** An entry of an export has less than this. */
const maxEntryBytes = 64 * 1024 * 1024;

const blockBytes = 512;
const magic = 'ustar\0';

/** A file of an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Lines in files of a few mebibytes each, since a tar has the size of a file before the file. */
export async function* archiveParts(
  kind: 'audit' | 'usage',
  lines: AsyncIterable<Uint8Array>,
): AsyncIterable<ArchiveEntry> {
  let [part, bytes]: [Uint8Array[], number] = [[], 0];
  let parts = 0;
  for await (const line of lines) {
    part.push(line, Buffer.from('\n'));
    bytes += line.byteLength + 1;
    if (bytes < partBytes) continue;
    yield { name: archivePart(kind, ++parts), content: Buffer.concat(part) };
    [part, bytes] = [[], 0];
  }
  if (bytes > 0) yield { name: archivePart(kind, parts + 1), content: Buffer.concat(part) };
}

/** A tar archive (POSIX ustar) of the entries. `timeMs`: the time of the files, in milliseconds since 1970. */
export async function* writeArchive(entries: AsyncIterable<ArchiveEntry>, timeMs: number): AsyncIterable<Uint8Array> {
  for await (const { name, content } of entries) {
    yield header(name, content.byteLength, timeMs);
    yield content;
    const rest = content.byteLength % blockBytes;
    if (rest > 0) yield Buffer.alloc(blockBytes - rest);
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** Whether a file that begins with these bytes, 512 at least, is a tar archive. */
export const isArchive = (start: Uint8Array): boolean =>
  Buffer.from(start).toString('latin1', 257, 257 + magic.length) === magic;

/** The files of an archive that `writeArchive` wrote, one in memory at a time. Throws RangeError where it is damaged or cut. */
export async function* readArchive(chunks: AsyncIterable<Uint8Array>): AsyncIterable<ArchiveEntry> {
  let rest: Buffer = Buffer.alloc(0);
  const source = chunks[Symbol.asyncIterator]();
  const take = async (bytes: number): Promise<Buffer> => {
    const pieces = [rest];
    let had = rest.byteLength;
    while (had < bytes) {
      const next = await source.next();
      if (next.done) throw new RangeError('The archive ends too early.');
      pieces.push(Buffer.from(next.value));
      had += next.value.byteLength;
    }
    const all = Buffer.concat(pieces);
    rest = all.subarray(bytes);
    return all.subarray(0, bytes);
  };
  for (;;) {
    const block = await take(blockBytes);
    if (block.every((byte) => byte === 0)) return;
    const { name, size } = readHeader(block);
    const content = await take(Math.ceil(size / blockBytes) * blockBytes);
    yield { name, content: content.subarray(0, size) };
  }
}

function header(name: string, size: number, timeMs: number): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0, 100, 'latin1');
  block.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7), 100, 'latin1');
  block.write(octal(size, 11) + octal(Math.floor(timeMs / 1_000), 11), 124, 'latin1');
  block.write('0', 156, 'latin1');
  block.write(`${magic}00`, 257, 'latin1');
  block.write(`${octal(checksum(block), 6)} `, 148, 'latin1');
  return block;
}

function readHeader(block: Buffer): { name: string; size: number } {
  const text = (from: number, bytes: number): string =>
    block.toString('latin1', from, from + bytes).replace(/\0.*$/s, '');
  const [size, stated] = [Number.parseInt(text(124, 12), 8), Number.parseInt(text(148, 8), 8)];
  if (!isArchive(block) || stated !== checksum(block)) throw new RangeError('The archive is damaged.');
  if (!(size >= 0 && size < maxEntryBytes)) throw new RangeError('A file of the archive is too large.');
  return { name: text(0, 100), size };
}

/** The sum of all bytes, those of the checksum itself counted as spaces. */
function checksum(block: Buffer): number {
  const spaces = 8 * 0x20;
  return block.reduce((sum, byte, index) => (index >= 148 && index < 156 ? sum : sum + byte), spaces);
}
