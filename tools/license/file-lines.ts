import { createReadStream } from 'node:fs';
import { stdin } from 'node:process';

/** The lines of a file, or of standard input for `-`, without their line feeds; nothing after the last line feed is no line. */
export const fileLines = (file: string): AsyncIterable<Uint8Array> =>
  linesIn(file === '-' ? stdin : createReadStream(file));

/** The same of bytes that come in any chunks. */
export async function* linesIn(chunks: AsyncIterable<unknown> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk as Uint8Array]);
    let start = 0;
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
