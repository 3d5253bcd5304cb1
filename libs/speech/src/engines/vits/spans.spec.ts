import { frameOffsets, phonemeSpans, wordSpans } from './spans';
import type { SpokenText } from './text-frontend';

/** "Hi, — you": ids 0 and 1 are start and pad, each symbol has an id and a pad. */
const text: SpokenText = {
  ids: new Array<number>(19).fill(0),
  words: ['Hi,', '—', 'you'],
  symbols: ['h', 'ˈ', 'a', 'ɪ', ',', ' ', 'j', 'u'].map((phoneme, index) => ({
    phoneme,
    word: index < 4 ? 0 : index < 6 ? undefined : 2,
    firstId: 2 + 2 * index,
    endId: 4 + 2 * index,
  })),
};
const offsets = frameOffsets(text.ids.map(() => 3));

describe('frameOffsets', () => {
  it('sums up durations', () => {
    expect(frameOffsets([2, 0, 3])).toEqual([0, 2, 2, 5]);
    expect(frameOffsets([])).toEqual([0]);
  });
});

describe('wordSpans', () => {
  it('leaves pauses out, and gives a word that is not spoken no length', () => {
    expect(wordSpans(text, offsets, 10)).toEqual([
      { word: 'Hi,', startSample: 60, endSample: 300 },
      { word: '—', startSample: 300, endSample: 300 },
      { word: 'you', startSample: 420, endSample: 540 },
    ]);
  });
});

describe('phonemeSpans', () => {
  it('joins stress with the sound after it', () => {
    expect(phonemeSpans(text, offsets, 10)).toEqual([
      { phoneme: 'h', startSample: 60, endSample: 120 },
      { phoneme: 'ˈa', startSample: 120, endSample: 240 },
      { phoneme: 'ɪ', startSample: 240, endSample: 300 },
      { phoneme: 'j', startSample: 420, endSample: 480 },
      { phoneme: 'u', startSample: 480, endSample: 540 },
    ]);
  });

  it('joins length and diacritics with the sound before them', () => {
    const symbols = ['ɜ', 'ː', 't', '̩'].map((phoneme, index) => ({
      phoneme,
      word: 0,
      firstId: 2 + 2 * index,
      endId: 4 + 2 * index,
    }));
    expect(phonemeSpans({ ...text, symbols }, offsets, 10).map(({ phoneme }) => phoneme)).toEqual(['ɜː', 't̩']);
  });
});
