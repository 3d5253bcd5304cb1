import { SpeechError } from '../speech-error';
import { pcmBytesPerSample, type PcmEncoding } from './pcm';

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
 * Parses the content of the format chunk of a WAV file, which has 16 bytes or more. Samples that do not fill their bytes are left-justified. The number of bytes per sample is therefore enough to read
 * them. Throws a SpeechError.
 */
export function parseWavFormat(fmt: Buffer): WavAudioFormat {
  const channels = fmt.readUInt16LE(2);
  const sampleRateHz = fmt.readUInt32LE(4);
  const bytesPerSample = fmt.readUInt16LE(12) / channels;
  if (channels === 0 || sampleRateHz === 0) throw new SpeechError('The WAV file has no channels or no sample rate');
  if (channels > maxChannels) throw new SpeechError(`The WAV file has ${channels} channels, more than ${maxChannels}`);
  const encoding = encodings.get(`${formatCode(fmt)}:${bytesPerSample}`);
  if (!encoding) {
    throw new SpeechError(
      `WAV format code ${formatCode(fmt)} with ${bytesPerSample} bytes per sample is not supported`,
    );
  }
  return { encoding, sampleRateHz, channels };
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

const encodings = new Map(
  (Object.entries(codes) as [PcmEncoding, number][]).map(([encoding, code]) => [
    `${code}:${pcmBytesPerSample[encoding]}`,
    encoding,
  ]),
);
