import { buffer } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import { createTarDecoder, createTarPacker, type TarPackController } from 'modern-tar';

/** Name of the public keys in an export, and beside one. */
export const auditKeysName = 'audit-public.pem';
/** An entry ends with the line that exceeds this. */
const partBytes = 4 * 1024 * 1024;
/** An entry of an export has less than this. */
const maxEntryBytes = 64 * 1024 * 1024;

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
    yield { name: partName(kind, ++parts), content: Buffer.concat(part) };
    [part, bytes] = [[], 0];
  }
  if (bytes > 0) yield { name: partName(kind, parts + 1), content: Buffer.concat(part) };
}

/** `audit-000001.jsonl`, `usage-000001.jsonl`: sorted by name they are in order. */
const partName = (kind: 'audit' | 'usage', number: number): string =>
  `${kind}-${String(number).padStart(6, '0')}.jsonl`;

/**
 * A tar archive (POSIX ustar) of the entries. It reads ahead until 8 MiB wait for whoever takes the archive. `timeMs`: the time of the
 * files, in milliseconds since 1970.
 */
export async function* writeArchive(entries: AsyncIterable<ArchiveEntry>, timeMs: number): AsyncIterable<Uint8Array> {
  const { readable, controller } = createTarPacker();
  void pack(entries, new Date(timeMs), controller);
  yield* readable;
}

async function pack(entries: AsyncIterable<ArchiveEntry>, mtime: Date, archive: TarPackController): Promise<void> {
  try {
    for await (const { name, content } of entries) {
      const file = archive.add({ name, size: content.byteLength, mtime }).getWriter();
      await file.write(content);
      await file.close();
    }
    archive.finalize();
  } catch (error) {
    archive.error(error);
  }
}

/** Whether a file that begins with these bytes, 512 at least, is a tar archive, of POSIX or of GNU. */
export const isArchive = (start: Uint8Array): boolean => Buffer.from(start).toString('latin1', 257, 262) === 'ustar';

/**
 * The files of a tar archive, one in memory at a time; folders and links are left out. A name is what the archive says, so it may be
 * absolute or have `..` in it. Throws RangeError where the archive is damaged or cut, or has a file of 64 MiB or more.
 */
export async function* readArchive(chunks: AsyncIterable<Uint8Array>): AsyncIterable<ArchiveEntry> {
  let unread: unknown;
  const source = async function* (): AsyncIterable<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      unread = error;
      throw error;
    }
  };
  const archive = ReadableStream.from(source()).pipeThrough(createTarDecoder({ strict: true }));
  try {
    for await (const { header, body } of archive) {
      if (header.type !== 'file') await body.cancel();
      else if (header.size < maxEntryBytes) yield { name: header.name, content: await buffer(body) };
      else throw new RangeError('A file of the archive is too large.');
    }
  } catch (error) {
    if (error === unread || error instanceof RangeError) throw error;
    throw new RangeError('The archive is damaged, or it ends too early.', { cause: error });
  }
}
