import { wavHeader } from './wav-writer';
import { readWav } from './wav-reader';

/** A WAV file whose format chunk has these values, with two seconds of nothing behind it. */
function wavOf({
  code = 1,
  channels = 1,
  sampleRateHz = 8_000,
  blockBytes = 2,
  bits = 16,
}: Partial<Record<'code' | 'channels' | 'sampleRateHz' | 'blockBytes' | 'bits', number>>): Buffer {
  const header = wavHeader({ encoding: 'pcm_s16le', sampleRateHz: 8_000 });
  const format = header.indexOf('fmt ') + 8;
  header.writeUInt16LE(code, format);
  header.writeUInt16LE(channels, format + 2);
  header.writeUInt32LE(sampleRateHz, format + 4);
  header.writeUInt16LE(blockBytes, format + 12);
  header.writeUInt16LE(bits, format + 14);
  return Buffer.concat([header, Buffer.alloc(32_000)]);
}

/** What the reader may allocate for a file of 32 KB, whatever its header says. */
const allocatedBytes = 1_000_000;

describe('a hostile WAV file', () => {
  it.each([
    [{ sampleRateHz: 0 }, /no channels or no sample rate/],
    [{ channels: 0 }, /no channels or no sample rate/],
    [{ channels: 255, blockBytes: 510 }, /255 channels, more than 64/],
    [{ sampleRateHz: 4_294_967_295 }, /sample rate of 4294967295 Hz/],
    [{ sampleRateHz: 4_294_967_295, channels: 64, blockBytes: 128 }, /sample rate of 4294967295 Hz/],
    [{ sampleRateHz: 1 }, /sample rate of 1 Hz/],
    [{ code: 2, blockBytes: 256, bits: 4 }, /ADPCM.*Send PCM/],
    [{ code: 0x55, blockBytes: 1, bits: 0 }, /format code 85.*Send PCM/],
    [{ channels: 2, blockBytes: 2, bits: 16 }, /16 bits, and 1 bytes/],
    [{ blockBytes: 0 }, /16 bits, and 0 bytes/],
    [{ channels: 2, blockBytes: 3, bits: 8 }, /not supported/],
    [{ blockBytes: 5, bits: 40 }, /\(PCM\) with 40 bits.*Send PCM/],
  ])('is refused with the reason: %o', (format, reason) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readWav(wavOf(format))).toThrow(reason);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(allocatedBytes);
  });

  it('is refused if it consists of headers of chunks', () => {
    const chunk = Buffer.from('JUNK\0\0\0\0', 'latin1');
    const file = wavOf({});
    const withChunks = (count: number): Buffer =>
      Buffer.concat([file.subarray(0, 12), ...Array.from({ length: count }, () => chunk), file.subarray(12)]);
    expect(readWav(withChunks(900)).samples).toHaveLength(16_000);
    expect(() => readWav(withChunks(100_000))).toThrow('The WAV file has more than 1000 chunks before its audio');
  });
});
