import { HeldFile } from './held-file';

describe('HeldFile', () => {
  const content = Buffer.from(Uint8Array.from({ length: 2_500_000 }, (_, at) => (at * 31 + (at >> 8)) & 255));

  it.each([1_000_003, 32_768, 2_500_000])('gives any part of what was appended in pieces of %i bytes', (pieceBytes) => {
    const file = new HeldFile();
    for (let at = 0; at < content.length; at += pieceBytes) file.append(content.subarray(at, at + pieceBytes));
    expect(file.size).toBe(content.length);
    for (const [start, end] of [
      [0, 1],
      [0, 2_500_000],
      [1_048_575, 1_048_577],
      [1_048_576, 2_097_152],
      [2_499_999, 2_500_000],
    ] as const) {
      expect(Buffer.from(file.read(start, end)).equals(content.subarray(start, end))).toBe(true);
    }
  });
});
