import { SpeechError } from '@app/speech/audio';
import type { CompressedContainer } from '../thread-messages';
import type { ByteQueue } from './byte-queue';
import { aac, codecOf, mp3 } from './codecs';
import { DamagedPacket, type Codec, type Decoded, type Encoded } from './decoded';
import { inMemory, openTrack, sequential } from './demuxer';
import { readMp4Beginning } from './mp4-order';
import { openOgg } from './ogg';
import { chained, inPieces } from './pieces';
import { withWholeClusters } from './webm-tail';

/** Most of the packets that may be damaged, as a share. A recording that lost more is refused. */
const maxDamagedShare = 0.1;

/**
 * Decodes a recording. One that was cut short is decoded as far as it goes. Throws a SpeechError if it has no audio, or
 * if it is damaged elsewhere than at its end.
 */
export async function* decode(
  container: CompressedContainer,
  input: ByteQueue,
  maxHeldBytes: number,
): AsyncGenerator<Decoded> {
  const { name, codec, packets } = await opened(container, input, maxHeldBytes);
  let whole = 0;
  let damaged = 0;
  let seconds = 0;
  try {
    for await (const packet of packets) {
      const audio = await understood(codec, packet);
      if (audio === 'damaged') damaged++;
      else whole++;
      if (typeof audio !== 'object') continue;
      seconds += (audio.channels[0]?.length ?? 0) / audio.sampleRateHz;
      input.heard();
      yield audio;
    }
  } catch (error) {
    if (error instanceof SpeechError) throw error;
    // The demuxer fails in the middle of a packet where a file was cut.
    if (!input.isDrained || seconds === 0) throw damage(name, seconds, error);
  }
  const rest = await codec.flush?.();
  if (rest) yield rest;
  if (!rest && seconds === 0) throw new SpeechError(`The ${name} file has no audio in it, or is damaged`);
  if (damaged > maxDamagedShare * (whole + damaged)) throw damage(name, seconds);
}

const damage = (name: string, seconds: number, cause?: unknown): SpeechError =>
  new SpeechError(
    seconds === 0
      ? `The ${name} file is damaged: none of its audio could be decoded`
      : `The ${name} file is damaged: much of its audio could not be decoded, ${seconds.toFixed(1)} s could`,
    { cause },
  );

async function understood(codec: Codec, packet: Uint8Array): Promise<Decoded | 'damaged' | undefined> {
  try {
    return await codec.decode(packet);
  } catch (error) {
    // After a fault in its WebAssembly, a decoder has no sound state.
    if (error instanceof DamagedPacket || error instanceof RangeError) return 'damaged';
    throw error;
  }
}

async function opened(container: CompressedContainer, input: ByteQueue, maxHeldBytes: number): Promise<Encoded> {
  switch (container) {
    case 'mp3':
      return { name: 'MP3', codec: await mp3(), packets: inPieces(input) };
    case 'adts':
      return { name: 'AAC', codec: await aac(), packets: inPieces(input) };
    case 'mp4': {
      const begun = await readMp4Beginning(input, maxHeldBytes);
      return demuxed(
        'MP4',
        begun.type === 'whole' ? await inMemory(begun.file) : await sequential(chained(begun.pieces, input)),
      );
    }
    case 'webm':
      return demuxed('WebM', await sequential(withWholeClusters(input)));
    case 'flac':
      return demuxed('FLAC', await sequential(input));
    case 'ogg':
      return openOgg(input);
  }
}

async function demuxed(name: string, source: Parameters<typeof openTrack>[0]): Promise<Encoded> {
  try {
    const { format, packets } = await openTrack(source, name);
    return { name, codec: await codecOf(format), packets };
  } catch (error) {
    throw error instanceof SpeechError ? error : damage(name, 0, error);
  }
}
