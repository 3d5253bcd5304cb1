import { createHash } from 'node:crypto';
import { aLawCode, aLawLevels, muLawCode, muLawLevels } from './g711';

const allLinear = Array.from({ length: 65536 }, (_, i) => i - 32768);
const allCodes = Array.from({ length: 256 }, (_, code) => code);
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('G.711', () => {
  it('has the levels of the standard', () => {
    expect([0x00, 0x80, 0x7f, 0xff, 0x70, 0xf0].map((code) => muLawLevels[code])).toEqual([
      -32124, 32124, 0, 0, -120, 120,
    ]);
    expect([0x2a, 0xaa, 0x55, 0xd5].map((code) => aLawLevels[code])).toEqual([-32256, 32256, -8, 8]);
  });

  // The digests are those of Python's audioop.ulaw2lin, alaw2lin and lin2alaw over every value.
  it('has the same tables as an independent implementation', () => {
    expect(digest(new Uint8Array(muLawLevels.buffer))).toBe(
      '3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827',
    );
    expect(digest(new Uint8Array(aLawLevels.buffer))).toBe(
      'e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174',
    );
    expect(digest(Uint8Array.from(allLinear, aLawCode))).toBe(
      '38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b',
    );
  });

  it('encodes every level to its own code; mu-law has two zeros', () => {
    expect(allCodes.filter((code) => aLawCode(aLawLevels[code]!) !== code)).toEqual([]);
    expect(allCodes.filter((code) => muLawCode(muLawLevels[code]!) !== code)).toEqual([0x7f]);
  });

  it.each([
    ['mu-law', muLawCode, muLawLevels],
    ['A-law', aLawCode, aLawLevels],
  ] as const)('gives every %s value a neighbouring level, rising with the value', (_name, encode, levels) => {
    const sorted = [...new Set(levels)].sort((a, b) => a - b);
    const encoded = allLinear.map((linear) => levels[encode(linear)]!);
    expect(encoded.every((level, i) => i === 0 || level >= encoded[i - 1]!)).toBe(true);
    const skipped = sorted.filter((level) => level !== 0 && encoded[level + 32768] !== level);
    expect(skipped).toEqual([]);
  });
});
