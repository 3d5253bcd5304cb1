import { SpeechError } from '../speech-error';
import { decodePcm, encodePcm, pcmBytesPerSample, PcmDecoder, type PcmEncoding } from './pcm';

const every16Bit = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('decodePcm', () => {
  it('maps integer full scale to -1 and just under 1', () => {
    expect([...decodePcm(bytesOf(Int16Array.of(-32768, 0, 16384, 32767)), 'pcm_s16le')]).toEqual([
      -1,
      0,
      0.5,
      32767 / 32768,
    ]);
    expect([...decodePcm(bytesOf(Int32Array.of(-2147483648, 0, 1073741824)), 'pcm_s32le')]).toEqual([-1, 0, 0.5]);
    expect([...decodePcm(Uint8Array.of(0, 128, 192), 'pcm_u8')]).toEqual([-1, 0, 0.5]);
    expect([...decodePcm(Uint8Array.of(0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff), 'pcm_s24le')]).toEqual([
      -1,
      0.5,
      -1 / 8388608,
    ]);
  });

  it('reads half floats: normal, subnormal, signed', () => {
    const halves = Uint16Array.of(0x3c00, 0xbc00, 0x3800, 0x0001, 0x8000, 0x2e66);
    const [one, minusOne, half, tiny, zero, tenth] = decodePcm(bytesOf(halves), 'pcm_f16le');
    expect([one, minusOne, half, tiny]).toEqual([1, -1, 0.5, 2 ** -24]);
    expect(zero).toBeCloseTo(0);
    expect(tenth).toBeCloseTo(0.1, 4);
  });

  it('clips floats out of range and silences what is not a number', () => {
    const floats = [2, -2, NaN, Infinity, -Infinity, 0.25];
    const clipped = [1, -1, 0, 1, -1, 0.25];
    expect([...decodePcm(bytesOf(Float32Array.from(floats)), 'pcm_f32le')]).toEqual(clipped);
    expect([...decodePcm(bytesOf(Float64Array.from(floats)), 'pcm_f64le')]).toEqual(clipped);
    expect([...decodePcm(bytesOf(Uint16Array.of(0x4000, 0xc000, 0x7e00, 0x7c00)), 'pcm_f16le')]).toEqual([1, -1, 0, 1]);
  });

  it('refuses half a sample', () => {
    expect(() => decodePcm(new Uint8Array(3), 'pcm_s16le')).toThrow(SpeechError);
  });
});

describe('PcmDecoder', () => {
  it.each(Object.keys(pcmBytesPerSample) as PcmEncoding[])(
    'gives the same %s samples however bytes are cut',
    (encoding) => {
      const bytes = Uint8Array.from({ length: 240 }, (_, i) => (i * 37 + 11) % 120);
      const whole = [...decodePcm(bytes, encoding)];
      for (const pieceBytes of [1, 2, 3, 5, 7, 64]) {
        const decoder = new PcmDecoder(encoding);
        const samples: number[] = [];
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          samples.push(...decoder.push(bytes.subarray(at, at + pieceBytes)));
        }
        expect(samples).toEqual(whole);
      }
    },
  );

  it('keeps an unfinished sample for the next piece', () => {
    const decoder = new PcmDecoder('pcm_f32le');
    expect(decoder.push(new Uint8Array(7))).toHaveLength(1);
    expect(decoder.push(new Uint8Array(1))).toHaveLength(1);
  });

  it('does not hold on to the memory of the piece it was given', () => {
    const decoder = new PcmDecoder('pcm_s16le');
    const piece = Uint8Array.of(0, 0, 0x34);
    decoder.push(piece);
    piece.fill(0xff);
    expect([...decoder.push(Uint8Array.of(0x12))]).toEqual([0x1234 / 32768]);
  });
});

describe('encodePcm', () => {
  it('gives every 16-bit sample back unchanged', () => {
    expect(encodePcm(decodePcm(bytesOf(every16Bit), 'pcm_s16le'), 'pcm_s16le').equals(bytesOf(every16Bit))).toBe(true);
  });

  it.each(['pcm_mulaw', 'pcm_alaw'] as const)('gives every %s code back as its level', (encoding) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const levels = decodePcm(codes, encoding);
    expect(decodePcm(encodePcm(levels, encoding), encoding)).toEqual(levels);
  });

  it('clips instead of wrapping around', () => {
    const samples = Float32Array.of(1, 1.5, -1, -7, NaN);
    expect([...new Int16Array(new Uint8Array(encodePcm(samples, 'pcm_s16le')).buffer)]).toEqual([
      32767, 32767, -32768, -32768, 0,
    ]);
    expect([...decodePcm(encodePcm(samples, 'pcm_f32le'), 'pcm_f32le')]).toEqual([1, 1, -1, -1, 0]);
    expect([...encodePcm(samples, 'pcm_mulaw')]).toEqual([0x80, 0x80, 0x00, 0x00, 0xff]);
    expect([...encodePcm(samples, 'pcm_alaw')]).toEqual([0xaa, 0xaa, 0x2a, 0x2a, 0xd5]);
  });

  it('keeps float samples exactly', () => {
    const samples = Float32Array.from({ length: 999 }, (_, i) => Math.sin(i));
    expect(decodePcm(encodePcm(samples, 'pcm_f32le'), 'pcm_f32le')).toEqual(samples);
  });
});
