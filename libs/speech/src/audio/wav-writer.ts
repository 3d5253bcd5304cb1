import { encodePcm, pcmBytesPerSample, type PcmOutputEncoding } from './pcm';

/** The audio of a WAV file to be written. */
export interface WavFormat {
  readonly encoding: PcmOutputEncoding;
  readonly sampleRateHz: number;
  /** Default: 1. */
  readonly channels?: number;
}

const formatCodes: Record<PcmOutputEncoding, number> = { pcm_s16le: 1, pcm_f32le: 3, pcm_alaw: 6, pcm_mulaw: 7 };
const unknownLength = 0xffffffff;

/**
 * The bytes before the audio of a WAV file. Without `dataBytes` the length is unknown, as in a stream. Every size field
 * is then 0xFFFFFFFF, which players read as "to the end", and the number of samples is 0. A larger number would be
 * taken for the length of the audio. All encodings except 16-bit PCM get the `fact` chunk that the
 * format requires.
 */
export function wavHeader(format: WavFormat, dataBytes?: number): Buffer {
  const { encoding, sampleRateHz, channels = 1 } = format;
  const blockAlign = channels * pcmBytesPerSample[encoding];
  const plain = encoding === 'pcm_s16le';
  const fmt = Buffer.alloc(plain ? 16 : 18);
  fmt.writeUInt16LE(formatCodes[encoding], 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(sampleRateHz, 4);
  fmt.writeUInt32LE(sampleRateHz * blockAlign, 8);
  fmt.writeUInt16LE(blockAlign, 12);
  fmt.writeUInt16LE(pcmBytesPerSample[encoding] * 8, 14);
  const fact = uint32(dataBytes === undefined ? 0 : dataBytes / blockAlign);
  const chunks = Buffer.concat([
    Buffer.from('WAVE'),
    chunkHeader('fmt ', fmt.length),
    fmt,
    ...(plain ? [] : [chunkHeader('fact', fact.length), fact]),
    chunkHeader('data', dataBytes ?? unknownLength),
  ]);
  const riffBytes = dataBytes === undefined ? unknownLength : chunks.length + dataBytes + (dataBytes % 2);
  return Buffer.concat([chunkHeader('RIFF', riffBytes), chunks]);
}

/** A complete WAV file of these samples (-1 to 1, interleaved if there are several channels). */
export function wavFile(samples: Float32Array, format: WavFormat): Buffer {
  const data = encodePcm(samples, format.encoding);
  return Buffer.concat([wavHeader(format, data.length), data, Buffer.alloc(data.length % 2)]);
}

function chunkHeader(id: string, bytes: number): Buffer {
  return Buffer.concat([Buffer.from(id), uint32(bytes)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
