import { compressionRatio, isDoubtful, isSilent, loops, withoutLoop } from './guard';

const heard = {
  text: 'It was the best of times.',
  averageLogProbability: -0.2,
  noSpeechProbability: 0.02,
  looped: false,
};

describe('compressionRatio', () => {
  it('is low for prose and high for repetitions', () => {
    expect(compressionRatio('In short, the period was so far like the present period.')).toBeLessThan(1.5);
    expect(compressionRatio('of the times '.repeat(20))).toBeGreaterThan(2.4);
    expect(compressionRatio('')).toBe(0);
  });
});

describe('loops', () => {
  const prose = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

  it('sees a phrase said four times at the end, or a single token eight times', () => {
    expect(loops([...prose, ...Array<number[]>(4).fill([1, 2, 3]).flat()])).toBe(true);
    expect(loops([...prose, ...new Array<number>(8).fill(5)])).toBe(true);
  });

  it('allows what people say', () => {
    expect(loops(prose)).toBe(false);
    expect(loops([...prose, ...Array<number[]>(3).fill([1, 2, 3]).flat()])).toBe(false);
    expect(loops(new Array<number>(7).fill(5))).toBe(false);
    expect(loops([...Array<number[]>(4).fill([1, 2, 3]).flat(), ...prose])).toBe(false);
  });

  it('is undone by keeping the phrase once', () => {
    expect(withoutLoop([...prose, ...Array<number[]>(5).fill([1, 2, 3]).flat()])).toEqual([...prose, 1, 2, 3]);
    expect(withoutLoop([...prose, ...new Array<number>(9).fill(5)])).toEqual([...prose, 5]);
    expect(withoutLoop(prose)).toEqual(prose);
  });
});

describe('doubt and silence', () => {
  it('doubts repetitions and unlikely text', () => {
    expect(isDoubtful(heard)).toBe(false);
    expect(isDoubtful({ ...heard, looped: true })).toBe(true);
    expect(isDoubtful({ ...heard, averageLogProbability: -1.1 })).toBe(true);
    expect(isDoubtful({ ...heard, text: 'times, times, '.repeat(12) })).toBe(true);
  });

  it('takes text for silence only when the model believes neither it nor that anything was said', () => {
    expect(isSilent({ ...heard, averageLogProbability: -1.1, noSpeechProbability: 0.7 })).toBe(true);
    expect(isSilent({ ...heard, averageLogProbability: -0.3, noSpeechProbability: 0.9 })).toBe(false);
    expect(isSilent({ ...heard, averageLogProbability: -1.1, noSpeechProbability: 0.1 })).toBe(false);
  });
});
