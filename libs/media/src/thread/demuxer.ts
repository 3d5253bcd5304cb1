import type { InputAudioTrack, InputFormat, Source } from 'mediabunny';
import { SpeechError } from '@app/speech/audio';
import type { TrackFormat } from './codecs';
import type { HeldFile } from './held-file';

/** Bytes of a file that is read from its start to its end which the demuxer may keep. */
const cachedBytes = 16 * 1024 * 1024;

/** A track of a container: how it is encoded, and its packets in order. */
export interface Track {
  readonly format: TrackFormat;
  readonly packets: AsyncIterable<Uint8Array>;
}

/** Opens the first audio track of a file. Throws a SpeechError if there is none. */
export async function openTrack(source: Source, name: string): Promise<Track> {
  const { EncodedPacketSink, FLAC, Input, MATROSKA, MP4, QTFF, WEBM } = await import('mediabunny');
  const formats: InputFormat[] = [MP4, QTFF, MATROSKA, WEBM, FLAC];
  const input = new Input({ formats, source });
  const track = await input.getPrimaryAudioTrack();
  if (!track) throw new SpeechError(`The ${name} file has no audio track. If it was cut short, its index is missing`);
  const format = await formatOf(track);
  const sink = new EncodedPacketSink(track);
  return { format, packets: dataOf(sink.packets()) };
}

/** A source that is read once, from start to end. */
export async function sequential(bytes: AsyncIterable<Uint8Array>): Promise<Source> {
  const { ReadableStreamSource } = await import('mediabunny');
  const pieces = bytes[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await pieces.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
  return new ReadableStreamSource(stream, { maxCacheSize: cachedBytes, handleUnhandledError: () => undefined });
}

/** A source in memory. */
export async function inMemory(file: HeldFile): Promise<Source> {
  const { CustomSource } = await import('mediabunny');
  return new CustomSource({
    getSize: () => file.size,
    read: (start, end) => file.read(start, end),
    handleUnhandledError: () => undefined,
  });
}

/** The parts of the WebCodecs type of this name that matter here. It is not among the types of Node.js. */
interface DecoderConfig {
  readonly numberOfChannels: number;
  readonly sampleRate: number;
  readonly description?: ArrayBufferView | ArrayBuffer;
}

async function formatOf(track: InputAudioTrack): Promise<TrackFormat> {
  const codec = await track.getCodec();
  if (codec === null) throw new SpeechError('The codec of the audio track is not supported');
  const config = (await track.getDecoderConfig()) as DecoderConfig | null;
  const description = config?.description;
  return {
    codec,
    channels: config?.numberOfChannels ?? 1,
    sampleRateHz: config?.sampleRate ?? 0,
    description: description && bytesOf(description),
  };
}

async function* dataOf(packets: AsyncIterable<{ readonly data: Uint8Array }>): AsyncGenerator<Uint8Array> {
  for await (const { data } of packets) yield data;
}

const bytesOf = (data: ArrayBufferView | ArrayBuffer): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    : new Uint8Array(data).slice();
