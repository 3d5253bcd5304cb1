import { utteranceSeed } from './seed';

describe('seeds of utterances', () => {
  it('are 32 bits, fixed for seed and place, and all different', () => {
    const seeds = [0, 1, 2, 0xffff_ffff].flatMap((seed) =>
      Array.from({ length: 500 }, (_, index) => utteranceSeed(seed, index)),
    );
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff)).toBe(true);
    expect(utteranceSeed(7, 3)).toBe(utteranceSeed(7, 3));
  });
});
