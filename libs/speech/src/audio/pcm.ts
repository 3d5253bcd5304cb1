import { halfToNumber } from '../half-precision';
import { SpeechError } from '../speech-error';
import { aLawCode, aLawLevels, muLawCode, muLawLevels } from './g711';

/** Bytes per sample of every encoding that can be decoded; little endian, named as clients name them. */
export const pcmBytesPerSample = {
  pcm_u8: 1,
  pcm_s16le: 2,
  pcm_s24le: 3,
  pcm_s32le: 4,
  pcm_s64le: 8,
  pcm_f16le: 2,
  pcm_f32le: 4,
  pcm_f64le: 8,
  pcm_mulaw: 1,
  pcm_alaw: 1,
} as const;

/** The encoding of audio without a header. */
export type PcmEncoding = keyof typeof pcmBytesPerSample;

/** The encodings that can also be written. */
export type PcmOutputEncoding = 'pcm_s16le' | 'pcm_f32le' | 'pcm_mulaw' | 'pcm_alaw';

/**
 * Decodes PCM that arrives in pieces of any length into samples from -1 to 1. Floats outside this range are clipped,
 * and NaN becomes 0.
 */
export class PcmDecoder {
  private carry = new Uint8Array(0);

  /** Samples keep their order: interleaved channels stay interleaved. */
  constructor(private readonly encoding: PcmEncoding) {}

  /** Returns the samples that these bytes complete. */
  push(bytes: Uint8Array): Float32Array {
    const width = pcmBytesPerSample[this.encoding];
    const joined = this.carry.length === 0 ? bytes : concatenate(this.carry, bytes);
    const whole = joined.length - (joined.length % width);
    this.carry = joined.slice(whole);
    return decodePcm(joined.subarray(0, whole), this.encoding);
  }
}

/** Decodes whole samples at once; throws a SpeechError when the last one is incomplete. */
export function decodePcm(bytes: Uint8Array, encoding: PcmEncoding): Float32Array {
  const width = pcmBytesPerSample[encoding];
  if (bytes.length % width !== 0) throw new SpeechError(`${encoding} audio ends in the middle of a sample`);
  const samples = new Float32Array(bytes.length / width);
  const read = sampleReader(bytes, encoding);
  for (let i = 0; i < samples.length; i++) samples[i] = read(i);
  return samples;
}

function sampleReader(bytes: Uint8Array, encoding: PcmEncoding): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (encoding) {
    case 'pcm_u8':
      return (i) => (view.getUint8(i) - 128) / 128;
    case 'pcm_s16le':
      return (i) => view.getInt16(i * 2, true) / 32768;
    case 'pcm_s24le':
      return (i) => ((view.getInt8(i * 3 + 2) << 16) | view.getUint16(i * 3, true)) / 8388608;
    case 'pcm_s32le':
      return (i) => view.getInt32(i * 4, true) / 2147483648;
    case 'pcm_s64le':
      return (i) => view.getInt32(i * 8 + 4, true) / 2147483648;
    case 'pcm_f16le':
      return (i) => clip(halfToNumber(view.getUint16(i * 2, true)));
    case 'pcm_f32le':
      return (i) => clip(view.getFloat32(i * 4, true));
    case 'pcm_f64le':
      return (i) => clip(view.getFloat64(i * 8, true));
    case 'pcm_mulaw':
      return (i) => (muLawLevels[view.getUint8(i)] ?? 0) / 32768;
    case 'pcm_alaw':
      return (i) => (aLawLevels[view.getUint8(i)] ?? 0) / 32768;
  }
}

/**
 * Encodes samples from -1 to 1. They are clipped and rounded to the nearest step without dither, so equal samples give
 * equal bytes. A decoded 16-bit sample is encoded to its original value.
 */
export function encodePcm(samples: Float32Array, encoding: PcmOutputEncoding): Buffer {
  const bytes = Buffer.alloc(samples.length * pcmBytesPerSample[encoding]);
  const write = sampleWriter(bytes, encoding);
  for (let i = 0; i < samples.length; i++) write(i, samples[i] ?? 0);
  return bytes;
}

function sampleWriter(bytes: Buffer, encoding: PcmOutputEncoding): (index: number, sample: number) => void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (encoding) {
    case 'pcm_s16le':
      return (i, sample) => view.setInt16(i * 2, toLinear16(sample), true);
    case 'pcm_f32le':
      return (i, sample) => view.setFloat32(i * 4, clip(sample), true);
    case 'pcm_mulaw':
      return (i, sample) => view.setUint8(i, muLawCode(toLinear16(sample)));
    case 'pcm_alaw':
      return (i, sample) => view.setUint8(i, aLawCode(toLinear16(sample)));
  }
}

/** NaN becomes 0. */
function clip(sample: number): number {
  if (sample >= -1 && sample <= 1) return sample;
  if (sample > 1) return 1;
  return sample < -1 ? -1 : 0;
}

/** Converts samples from -1 to 1 to 16 bits, clipped and rounded as in `encodePcm`. */
export function toInt16(samples: Float32Array): Int16Array {
  const rounded = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) rounded[i] = toLinear16(samples[i] ?? 0);
  return rounded;
}

function toLinear16(sample: number): number {
  return Math.min(32767, Math.round(clip(sample) * 32768));
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
