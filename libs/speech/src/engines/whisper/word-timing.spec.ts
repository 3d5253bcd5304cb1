import { timeWords } from './word-timing';
import type { Attention } from './greedy-decoder';

/** Attention in which each token looks at one position, told by `looked`, the prompt first. */
function attentionAt(looked: readonly number[], positions: number, promptRows: number): Attention {
  const row = (peak: number): Float32Array =>
    Float32Array.from({ length: positions }, (_, position) => Math.exp(-((position - peak) ** 2) / 8));
  return { positions, heads: [looked.map(row), looked.map(row)], promptRows };
}

const words = [
  { text: ' It', tokens: [1] },
  { text: ' was,', tokens: [2, 3] },
  { text: ' best.', tokens: [4] },
];

describe('timeWords', () => {
  it('gives each word the time from its first token to that of the next word', () => {
    const timed = timeWords(words, attentionAt([0, 5, 20, 30, 40, 55], 80, 1), 80 * 320);
    expect(timed.map(({ word }) => word)).toEqual(['It', 'was,', 'best.']);
    const near = (sample: number, position: number): void =>
      expect(Math.abs(sample / 320 - position)).toBeLessThanOrEqual(10);
    near(timed[1]!.startSample, 20);
    near(timed[2]!.startSample, 40);
    near(timed[2]!.endSample, 55);
    expect(timed[0]!.endSample).toBe(timed[1]!.startSample);
  });

  it('leaves pauses out of the first word and of words before and after a comma', () => {
    const spoken = 'It was so very good indeed, it was not so bad.'.split(' ');
    const said = spoken.map((word, index) => ({ text: ` ${word}`, tokens: [index] }));
    const looked = [0, 0, 50, 60, 70, 80, 90, 180, 190, 200, 210, 220, 230];
    const timed = timeWords(said, attentionAt(looked, 240, 1), 240 * 320);
    const [first] = timed;
    expect(first!.startSample).toBeGreaterThan(0);
    const [before, after] = timed.slice(5, 7);
    expect(before!.endSample / 320).toBeLessThan(115);
    expect(after!.startSample / 320).toBeGreaterThan(155);
  });

  it('never goes back, whatever the heads look at', () => {
    const timed = timeWords(words, attentionAt([3, 70, 10, 60, 5, 40], 80, 1), 80 * 320);
    let last = 0;
    for (const { startSample, endSample } of timed) {
      expect(startSample).toBeGreaterThanOrEqual(last);
      expect(endSample).toBeGreaterThanOrEqual(startSample);
      last = endSample;
    }
  });

  it('stays within the audio', () => {
    const timed = timeWords(words, attentionAt([0, 5, 20, 30, 40, 79], 80, 1), 30 * 320 - 7);
    for (const { endSample } of timed) expect(endSample).toBeLessThanOrEqual(30 * 320 - 7);
  });

  it('gives nothing for no words', () => {
    expect(timeWords([], attentionAt([0, 3], 80, 1), 16_000)).toEqual([]);
  });
});
