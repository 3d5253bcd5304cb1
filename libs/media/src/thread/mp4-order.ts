import { SpeechError } from '@app/speech/audio';
import type { ByteQueue } from './byte-queue';

/** The beginning of an MP4 file. `whole`: all of it, because its index is behind its audio. */
export interface Mp4Beginning {
  readonly pieces: readonly Uint8Array[];
  readonly isWhole: boolean;
}

/**
 * Reads an MP4 file until it is clear whether its index (`moov`) comes before its audio (`mdat`). If it comes after it,
 * reads the file to its end. Throws a SpeechError if such a file has more than `maxBytes`.
 */
export async function readMp4Beginning(input: ByteQueue, maxBytes: number): Promise<Mp4Beginning> {
  const pieces: Uint8Array[] = [];
  const scanner = new BoxScanner();
  let bytes = 0;
  for await (const piece of input) {
    pieces.push(piece);
    bytes += piece.length;
    const first = scanner.push(piece);
    if (first === 'moov') return { pieces, isWhole: false };
    if (first === 'mdat') break;
  }
  for await (const piece of input) {
    pieces.push(piece);
    bytes += piece.length;
    // Bytes without sound are expected here, and have a limit of their own.
    input.heard();
    if (bytes > maxBytes) {
      const limit = `${Math.floor(maxBytes / 1024 / 1024)} MiB`;
      throw new SpeechError(
        `The MP4 file has its index at the end and more than ${limit}. Put its index first (ffmpeg -movflags +faststart)`,
      );
    }
  }
  return { pieces, isWhole: true };
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
