import { decodePcm, SpeechError, sttSampleRateHz, type PcmEncoding } from '@app/speech/audio';
import { decodedBy, type Codec } from './decoded';

/** How a track of a container is encoded. */
export interface TrackFormat {
  readonly codec: string;
  readonly channels: number;
  readonly sampleRateHz: number;
  /** The configuration that the codec defines, if the container has one. */
  readonly description: Uint8Array | undefined;
}

/** Codecs of tracks without compression, as the demuxer names them. */
const pcmCodecs: Readonly<Record<string, PcmEncoding>> = {
  'pcm-u8': 'pcm_u8',
  'pcm-s16': 'pcm_s16le',
  'pcm-s24': 'pcm_s24le',
  'pcm-s32': 'pcm_s32le',
  'pcm-f32': 'pcm_f32le',
  'pcm-f64': 'pcm_f64le',
  ulaw: 'pcm_mulaw',
  alaw: 'pcm_alaw',
};

/** The decoder of the packets of a track. Throws a SpeechError if there is none for its codec. */
export async function codecOf(format: TrackFormat): Promise<Codec> {
  const encoding = pcmCodecs[format.codec];
  if (encoding) return pcm(format, encoding);
  switch (format.codec) {
    case 'aac':
      return aac(format.description ?? new Uint8Array(0));
    case 'flac':
      return flac();
    case 'mp3':
      return mp3();
    case 'opus':
      return opus(format);
    default:
      throw new SpeechError(`Audio with the codec ${format.codec} is not supported`);
  }
}

/** MPEG audio layer III, as a stream of bytes. */
export async function mp3(): Promise<Codec> {
  const { MPEGDecoder } = await import('mpg123-decoder');
  const decoder = new MPEGDecoder();
  await decoder.ready;
  return { decode: (bytes) => decodedBy(decoder.decode(bytes)) };
}

/** AAC: packets, if the configuration (AudioSpecificConfig) is given, else an ADTS stream of bytes. */
export async function aac(config?: Uint8Array): Promise<Codec> {
  const { decoder: create } = await import('@audio/decode-aac').catch((cause: unknown) => {
    throw new SpeechError('This server has no decoder for AAC', { cause });
  });
  const decoder = await create(config ? { asc: config } : {});
  return { decode: (bytes) => decodedBy(decoder.decode(bytes)) };
}

/** FLAC, frame by frame. */
export async function flac(): Promise<Codec> {
  const { FLACDecoder } = await import('@wasm-audio-decoders/flac');
  const decoder = new FLACDecoder();
  await decoder.ready;
  return { decode: async (frame) => decodedBy(await decoder.decodeFrames([frame])) };
}

/** Vorbis in Ogg, as a stream of bytes. */
export async function oggVorbis(): Promise<Codec> {
  const { OggVorbisDecoder } = await import('@wasm-audio-decoders/ogg-vorbis');
  const decoder = new OggVorbisDecoder();
  await decoder.ready;
  return {
    decode: async (bytes) => decodedBy(await decoder.decode(bytes)),
    flush: async () => decodedBy(await decoder.flush()),
  };
}

/** Opus, packet by packet, at the sample rate that STT takes. */
async function opus({ channels, description }: TrackFormat): Promise<Codec> {
  const { OpusDecoder } = await import('opus-decoder');
  const head = description && description.length >= 19 ? Buffer.from(description) : undefined;
  const family = head?.[18] ?? 0;
  const layout =
    family > 0 && head && head.length >= 21 + channels
      ? {
          streamCount: head[19],
          coupledStreamCount: head[20],
          channelMappingTable: [...head.subarray(21, 21 + channels)],
        }
      : {};
  const decoder = new OpusDecoder({ channels, sampleRate: sttSampleRateHz, ...layout });
  await decoder.ready;
  // The encoder states the samples before the audio at 48 kHz.
  let skip = Math.round(((head?.readUInt16LE(10) ?? 0) * sttSampleRateHz) / 48_000);
  return {
    decode: (packet) => {
      const audio = decodedBy(decoder.decodeFrame(packet));
      const dropped = Math.min(skip, audio?.channels[0]?.length ?? 0);
      skip -= dropped;
      return audio && { ...audio, channels: audio.channels.map((samples) => samples.subarray(dropped)) };
    },
  };
}

function pcm({ channels, sampleRateHz }: TrackFormat, encoding: PcmEncoding): Codec {
  return {
    decode: (packet) => {
      const samples = decodePcm(packet, encoding);
      const split = Array.from({ length: channels }, (_, channel) =>
        Float32Array.from(
          { length: Math.floor(samples.length / channels) },
          (_, at) => samples[at * channels + channel] ?? 0,
        ),
      );
      return { channels: split, sampleRateHz };
    },
  };
}
