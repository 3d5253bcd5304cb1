import { SpeechError } from '../speech-error';
import { pcmBytesPerSample, type PcmEncoding } from './pcm';
import { assertSampleRate } from './resampler';

/** The audio format in the header of a WAV file. */
export interface WavAudioFormat {
  readonly encoding: PcmEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/** Most channels of a recording. Larger numbers are damage. */
const maxChannels = 64;
const extensibleTail = Buffer.from('000000001000800000aa00389b71', 'hex');

/**
 * Parses the content of the format chunk of a WAV file, which has 16 bytes or more. Samples that do not fill their bytes
 * are left-justified. The number of bytes per sample is therefore enough to read them. Throws a SpeechError.
 */
export function parseWavFormat(fmt: Buffer): WavAudioFormat {
  const channels = fmt.readUInt16LE(2);
  const sampleRateHz = fmt.readUInt32LE(4);
  const bytesPerSample = fmt.readUInt16LE(12) / channels;
  const bits = fmt.readUInt16LE(14);
  if (channels === 0 || sampleRateHz === 0) throw new SpeechError('The WAV file has no channels or no sample rate');
  if (channels > maxChannels) throw new SpeechError(`The WAV file has ${channels} channels, more than ${maxChannels}`);
  assertSampleRate(sampleRateHz);
  const code = formatCode(fmt);
  if ((code === 1 || code === 3) && bits > 8 * bytesPerSample) {
    const detail = `its samples have ${bits} bits, and ${bytesPerSample} bytes each`;
    throw new SpeechError(`The header of the WAV file contradicts itself: ${detail}`);
  }
  const encoding = encodings.get(`${code}:${bytesPerSample}`);
  if (encoding) return { encoding, sampleRateHz, channels };
  const name = otherCodes.get(code) ?? 'unknown';
  throw new SpeechError(
    `A WAV file of format code ${code} (${name}) with ${bits} bits is not supported. Send PCM, float, mu-law or A-law`,
  );
}

function formatCode(fmt: Buffer): number {
  const code = fmt.readUInt16LE(0);
  if (code !== 0xfffe) return code;
  if (fmt.length < 40 || !fmt.subarray(26, 40).equals(extensibleTail)) {
    throw new SpeechError('The WAV file has an extensible format that is not supported');
  }
  return fmt.readUInt16LE(24);
}

const codes: Partial<Record<PcmEncoding, number>> = {
  pcm_u8: 1,
  pcm_s16le: 1,
  pcm_s24le: 1,
  pcm_s32le: 1,
  pcm_s64le: 1,
  pcm_f32le: 3,
  pcm_f64le: 3,
  pcm_alaw: 6,
  pcm_mulaw: 7,
};

/** Frequent codes that cannot be read, by their names, and those that can in widths that cannot. */
const otherCodes = new Map([
  [1, 'PCM'],
  [2, 'ADPCM'],
  [3, 'float'],
  [6, 'A-law'],
  [7, 'mu-law'],
  [0x11, 'ADPCM'],
  [0x31, 'GSM'],
  [0x55, 'MP3'],
]);

const encodings = new Map(
  (Object.entries(codes) as [PcmEncoding, number][]).map(([encoding, code]) => [
    `${code}:${pcmBytesPerSample[encoding]}`,
    encoding,
  ]),
);
