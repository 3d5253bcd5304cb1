import { SpeechError } from '@app/speech/audio';
import type { ByteQueue } from './byte-queue';
import { codecOf, flac, oggVorbis } from './codecs';
import type { Encoded } from './decoded';
import { inPieces } from './pieces';

const name = 'Ogg';

/** Opens an Ogg file. The head of its first page names its codec. Throws a SpeechError if it is not supported. */
export async function openOgg(input: ByteQueue): Promise<Encoded> {
  const page = Buffer.from((await input.peek()) ?? []).subarray(0, 512);
  const holds = (mark: string): boolean => page.includes(Buffer.from(mark, 'latin1'));
  if (holds('OpusHead')) {
    const description = page.subarray(page.indexOf('OpusHead'));
    const format = { codec: 'opus', channels: description[9] ?? 1, sampleRateHz: 48_000, description };
    return { name, codec: await codecOf(format), packets: packetsOf(input) };
  }
  if (holds('\x7fFLAC')) return { name, codec: await flac(), packets: packetsOf(input) };
  if (holds('\x01vorbis')) return { name, codec: await oggVorbis(), packets: inPieces(input) };
  throw new SpeechError('The Ogg file has a codec other than Opus, Vorbis or FLAC');
}

/** The packets of a stream, without its headers. */
async function* packetsOf(input: ByteQueue): AsyncGenerator<Uint8Array> {
  const { default: CodecParser } = await import('codec-parser');
  const parser = new CodecParser('audio/ogg', { enableFrameCRC32: false });
  for await (const piece of inPieces(input)) yield* framesIn(parser.parseChunk(piece));
  yield* framesIn(parser.flush());
}

/** The parser returns generators, and declares iterators. */
function* framesIn(pages: Iterator<object>): Generator<Uint8Array> {
  for (const page of pages as unknown as Iterable<object>) {
    if ('codecFrames' in page) for (const { data } of page.codecFrames as { data: Uint8Array }[]) yield data;
  }
}
