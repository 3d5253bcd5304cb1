import { SpeechError } from '../speech-error';
import { decodePcm, encodePcm, type PcmOutputEncoding } from './pcm';
import { WavReader } from './wav-reader';
import { wavFile, wavHeader } from './wav-writer';

const tone = Float32Array.from({ length: 101 }, (_, i) => Math.sin(i / 3) * 0.8);
const outputEncodings: PcmOutputEncoding[] = ['pcm_s16le', 'pcm_f32le', 'pcm_mulaw', 'pcm_alaw'];

const u16 = (value: number) => Buffer.of(value & 0xff, value >> 8);
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const chunk = (id: string, body: Buffer, size = body.length) =>
  Buffer.concat([Buffer.from(id), u32(size), body, Buffer.alloc(body.length % 2)]);
const riff = (...chunks: Buffer[]) => {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return Buffer.concat([Buffer.from('RIFF'), u32(body.length), body]);
};
const fmt = (code: number, channels: number, bits: number, extra = Buffer.alloc(0)) => {
  const bytes = Math.ceil(bits / 8);
  const rest = [u32(48_000), u32(48_000 * channels * bytes), u16(channels * bytes), u16(bits), extra];
  return chunk('fmt ', Buffer.concat([u16(code), u16(channels), ...rest]));
};
const subformat = (code: number) => Buffer.concat([u16(code), Buffer.from('000000001000800000aa00389b71', 'hex')]);

function read(file: Uint8Array, pieceBytes = file.length) {
  const reader = new WavReader();
  const samples: number[] = [];
  for (let at = 0; at < file.length; at += pieceBytes) samples.push(...reader.push(file.subarray(at, at + pieceBytes)));
  samples.push(...reader.end());
  return { samples: Float32Array.from(samples), format: reader.format };
}

describe('wavHeader', () => {
  it('is the canonical 44 bytes for 16-bit PCM', () => {
    expect(wavHeader({ encoding: 'pcm_s16le', sampleRateHz: 22_050 }, 1000).toString('hex')).toBe(
      '524946460c04000057415645666d7420' + '100000000100010022560000' + '44ac000002001000' + '64617461e8030000',
    );
  });

  it.each([
    ['pcm_f32le', 3, 32],
    ['pcm_alaw', 6, 8],
    ['pcm_mulaw', 7, 8],
  ] as const)('gives %s its format code, an extension size and a fact chunk', (encoding, code, bits) => {
    const header = wavHeader({ encoding, sampleRateHz: 8000, channels: 2 }, 80);
    expect(header.readUInt32LE(16)).toBe(18);
    expect([header.readUInt16LE(20), header.readUInt16LE(22), header.readUInt16LE(34)]).toEqual([code, 2, bits]);
    expect(header.toString('latin1', 38, 42)).toBe('fact');
    expect(header.readUInt32LE(46)).toBe((80 * 8) / bits / 2);
    expect(header.readUInt32LE(4)).toBe(header.length + 80 - 8);
  });

  it('says 0xFFFFFFFF wherever a size would stand when it is unknown, and no number of samples', () => {
    const header = wavHeader({ encoding: 'pcm_mulaw', sampleRateHz: 8000 });
    expect([header.readUInt32LE(4), header.readUInt32LE(header.length - 4)]).toEqual([0xffffffff, 0xffffffff]);
    expect(header.readUInt32LE(46)).toBe(0);
  });
});

describe('WavReader', () => {
  it.each(outputEncodings)('reads what was written as %s, however it is cut', (encoding) => {
    const expected = decodePcm(encodePcm(tone, encoding), encoding);
    const file = wavFile(tone, { encoding, sampleRateHz: 24_000 });
    for (const pieceBytes of [1, 3, 10, 44, 1000]) {
      expect(read(file, pieceBytes)).toEqual({
        samples: expected,
        format: { encoding, sampleRateHz: 24_000, channels: 1 },
      });
    }
  });

  it.each([
    ['pcm_u8', 1, 8, Buffer.of(0, 128, 192)],
    ['pcm_s16le', 1, 16, Buffer.from('008000000040', 'hex')],
    ['pcm_s24le', 1, 24, Buffer.from('000080000000000040', 'hex')],
    ['pcm_s32le', 1, 32, Buffer.from('000000800000000000000040', 'hex')],
    ['pcm_s64le', 1, 64, Buffer.from(BigInt64Array.of(-(1n << 63n), 0n, 1n << 62n).buffer)],
    ['pcm_f32le', 3, 32, Buffer.from(Float32Array.of(-1, 0, 0.5).buffer)],
    ['pcm_f64le', 3, 64, Buffer.from(Float64Array.of(-1, 0, 0.5).buffer)],
  ])('reads %s', (encoding, code, bits, data) => {
    const { samples, format } = read(riff(fmt(code, 1, bits), chunk('data', data)));
    expect([...samples]).toEqual([-1, 0, 0.5]);
    expect(format).toEqual({ encoding, sampleRateHz: 48_000, channels: 1 });
  });

  it('takes the encoding of an extensible file from its sub-format', () => {
    const extra = (bits: number, code: number) => Buffer.concat([u16(22), u16(bits), u32(4), subformat(code)]);
    const pcm = riff(fmt(0xfffe, 1, 24, extra(20, 1)), chunk('data', Buffer.from('000040', 'hex')));
    expect(read(pcm).samples).toEqual(Float32Array.of(0.5));
    const float = riff(fmt(0xfffe, 1, 32, extra(32, 3)), chunk('data', Buffer.from(Float32Array.of(0.25).buffer)));
    expect(read(float).samples).toEqual(Float32Array.of(0.25));
  });

  it.each([2, 3, 6])('mixes %d channels down to their mean, however the file is cut', (channels) => {
    const frames = [...Array(9).keys()].flatMap((frame) =>
      [...Array(channels).keys()].map((c) => 4_096 + frame * 512 + c * 64),
    );
    const file = riff(fmt(1, channels, 16), chunk('data', Buffer.from(Int16Array.from(frames).buffer)));
    const mean = Float32Array.from([...Array(9).keys()], (at) => (4_096 + at * 512 + (channels - 1) * 32) / 32768);
    for (const pieceBytes of [1, 5, 1000]) {
      const { samples } = read(file, pieceBytes);
      expect(samples).toHaveLength(9);
      samples.forEach((sample, i) => expect(sample).toBeCloseTo(mean[i]!, 6));
    }
  });

  it('reads stereo of 24 bits in an extensible file, whose right channel is the inverted left', () => {
    const extra = Buffer.concat([u16(22), u16(24), u32(3), subformat(1)]);
    const frames = Buffer.from('000040' + '0000c0' + '000020' + '0000e0', 'hex');
    const { samples, format } = read(riff(fmt(0xfffe, 2, 24, extra), chunk('data', frames)));
    expect([...samples]).toEqual([0.5, 0.25]);
    expect(format).toEqual({ encoding: 'pcm_s24le', sampleRateHz: 48_000, channels: 2 });
  });

  it('skips chunks it does not know, odd ones with their padding, and what follows the audio', () => {
    const data = chunk('data', Buffer.from('0040', 'hex'));
    const file = riff(
      chunk('JUNK', Buffer.alloc(33, 1)),
      fmt(1, 1, 16),
      chunk('LIST', Buffer.from('abc')),
      data,
      chunk('id3 ', Buffer.alloc(50, 7)),
    );
    for (const pieceBytes of [1, 13, 1000]) expect(read(file, pieceBytes).samples).toEqual(Float32Array.of(0.5));
  });

  it.each([0xffffffff, 0x7fffffff, 0x80000000])('reads to the end when the data size is %d', (size) => {
    const file = riff(fmt(1, 1, 16), chunk('data', Buffer.from('00400040', 'hex'), size));
    expect(read(file).samples).toEqual(Float32Array.of(0.5, 0.5));
  });

  it('reads a file whose sizes are all 0xFFFFFFFF', () => {
    for (const encoding of outputEncodings) {
      const file = Buffer.concat([wavHeader({ encoding, sampleRateHz: 8_000 }), encodePcm(tone, encoding)]);
      expect(read(file, 7).samples).toEqual(decodePcm(encodePcm(tone, encoding), encoding));
    }
  });

  it('reads to the end when the data size is 0 and audio is behind it, whatever the size of the file is said to be', () => {
    const audio = encodePcm(tone, 'pcm_s16le');
    for (const riffBytes of [0, 0xffffffff, 36, 36 + audio.length]) {
      const streamed = riff(fmt(1, 1, 16), Buffer.concat([chunk('data', Buffer.alloc(0)), audio]));
      streamed.writeUInt32LE(riffBytes, 4);
      for (const pieceBytes of [1, 45, 1_000]) expect(read(streamed, pieceBytes).samples).toHaveLength(tone.length);
    }
    const short = riff(fmt(1, 1, 16), chunk('data', Buffer.from('0040', 'hex'), 0));
    expect(read(short).samples).toEqual(Float32Array.of(0.5));
  });

  it('takes a data size of 0 seriously where another chunk or nothing follows', () => {
    const empty = riff(fmt(1, 1, 16), chunk('data', Buffer.alloc(0)), chunk('LIST', Buffer.from('abcd')));
    const alone = riff(fmt(1, 1, 16), chunk('data', Buffer.alloc(0)));
    for (const file of [empty, alone])
      for (const piece of [1, 1_000]) expect(read(file, piece).samples).toHaveLength(0);
  });

  it('reads RF64, the WAV of more than 4 GiB', () => {
    const file = riff(
      chunk('ds64', Buffer.alloc(28)),
      fmt(1, 1, 16),
      chunk('data', Buffer.from('0040', 'hex'), 0xffffffff),
    );
    file.write('RF64', 0, 'latin1');
    expect(read(file).samples).toEqual(Float32Array.of(0.5));
  });

  it('reads a file that was cut short as far as it goes', () => {
    const file = wavFile(tone, { encoding: 'pcm_s16le', sampleRateHz: 8000 });
    expect(read(file.subarray(0, 44 + 21)).samples).toHaveLength(10);
  });

  it('knows no format before the header is complete', () => {
    const file = wavFile(tone, { encoding: 'pcm_s16le', sampleRateHz: 8000 });
    const reader = new WavReader();
    reader.push(file.subarray(0, 40));
    expect(reader.format).toBeUndefined();
    expect(() => reader.end()).toThrow(SpeechError);
    reader.push(file.subarray(40, 44));
    expect(reader.format?.sampleRateHz).toBe(8000);
  });

  it.each([
    ['text', Buffer.from('hello world, this is no audio')],
    ['an mp3', Buffer.from('ID3\x04')],
    ['another RIFF file', Buffer.concat([Buffer.from('RIFF'), u32(4), Buffer.from('AVI ')])],
    ['a compressed WAV', riff(fmt(2, 1, 4), chunk('data', Buffer.alloc(4)))],
    ['a WAV of 65,535 channels', riff(fmt(1, 65_535, 8), chunk('data', Buffer.alloc(4)))],
    ['a WAV without channels', riff(fmt(1, 0, 16), chunk('data', Buffer.alloc(4)))],
    ['audio before the format', riff(chunk('data', Buffer.alloc(4)))],
    ['a short format chunk', riff(chunk('fmt ', Buffer.alloc(8)))],
    ['a huge format chunk', riff(chunk('fmt ', Buffer.alloc(8), 0x7fffffff))],
    ['an unknown extensible sub-format', riff(fmt(0xfffe, 1, 16, Buffer.concat([u16(22), Buffer.alloc(22, 9)])))],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_name, file) => {
    expect(() => read(file, file.length || 1)).toThrow(SpeechError);
  });

  it('does not pile up a huge chunk that it skips', () => {
    const reader = new WavReader();
    reader.push(Buffer.concat([riff(fmt(1, 1, 16)), Buffer.from('JUNK'), u32(50_000_000)]));
    const piece = Buffer.alloc(1_000_000);
    for (let i = 0; i < 50; i++) expect(reader.push(piece)).toHaveLength(0);
    expect(reader.push(chunk('data', Buffer.from('0040', 'hex')))).toEqual(Float32Array.of(0.5));
  });
});
