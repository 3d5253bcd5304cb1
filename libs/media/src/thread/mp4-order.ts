import { SpeechError } from '@app/speech/audio';
import type { ByteQueue } from './byte-queue';
import { HeldFile } from './held-file';

/** How an MP4 file begins. `whole`: all of it was read, because its index is behind its audio. */
export type Mp4Beginning =
  | { readonly type: 'index first'; readonly pieces: readonly Uint8Array[] }
  | { readonly type: 'whole'; readonly file: HeldFile };

/**
 * Reads an MP4 file until it is clear whether its index (`moov`) comes before its audio (`mdat`). If it comes after it,
 * reads the file to its end. Throws a SpeechError if such a file has more than `maxBytes`.
 */
export async function readMp4Beginning(input: ByteQueue, maxBytes: number): Promise<Mp4Beginning> {
  const pieces: Uint8Array[] = [];
  const scanner = new BoxScanner();
  for await (const piece of input) {
    pieces.push(piece);
    const first = scanner.push(piece);
    if (first === 'moov') return { type: 'index first', pieces };
    if (first === 'mdat') break;
  }
  const file = new HeldFile();
  for (const piece of pieces) file.append(piece);
  for await (const piece of input) {
    file.append(piece);
    // Bytes without sound are expected here, and have a limit of their own.
    input.heard();
    if (file.size > maxBytes) {
      const limit = `${Math.floor(maxBytes / 1024 / 1024)} MiB`;
      throw new SpeechError(
        `The MP4 file has its index at the end and more than ${limit}. Put its index first (ffmpeg -movflags +faststart)`,
      );
    }
  }
  return { type: 'whole', file };
}

/** Finds the first of the two boxes in a file that arrives in pieces. */
class BoxScanner {
  private head: Buffer = Buffer.alloc(0);
  private skipBytes = 0;

  push(piece: Uint8Array): 'moov' | 'mdat' | undefined {
    this.head = Buffer.concat([this.head, piece]);
    for (;;) {
      const skipped = Math.min(this.skipBytes, this.head.length);
      this.head = this.head.subarray(skipped);
      this.skipBytes -= skipped;
      if (this.head.length < 16) return undefined;
      const type = this.head.toString('latin1', 4, 8);
      if (type === 'moov' || type === 'mdat') return type;
      const size = this.head.readUInt32BE(0);
      const boxBytes = size === 1 ? Number(this.head.readBigUInt64BE(8)) : size;
      if (boxBytes < 8) throw new SpeechError('The MP4 file is damaged: a box in it has no length');
      this.skipBytes = boxBytes;
    }
  }
}
