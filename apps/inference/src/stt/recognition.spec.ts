import type { Recognition } from '@app/speech/engines';
import { segmentOf } from './recognition';

const heard: Recognition = {
  text: ' hello there ',
  words: [{ word: 'hello', startSample: 10, endSample: 20 }],
  language: 'en',
  averageLogProbability: -0.3,
  noSpeechProbability: 0.1,
  fellBack: false,
  encodeMs: 1,
  decodeMs: 1,
};

describe('segmentOf', () => {
  it('places text and words in the stream', () => {
    expect(segmentOf(heard, 1_000, 2_000)).toEqual({
      text: 'hello there',
      language: 'en',
      startSample: 1_000,
      endSample: 2_000,
      words: [['hello', 1_010, 1_020]],
    });
  });

  it.each([
    ['the model calls it silent and is unsure', { noSpeechProbability: 0.9, averageLogProbability: -1.2 }, ''],
    ['the model calls it silent but is sure', { noSpeechProbability: 0.9, averageLogProbability: -0.5 }, 'hello there'],
    ['the model is unsure but hears speech', { noSpeechProbability: 0.2, averageLogProbability: -1.2 }, 'hello there'],
  ])('when %s', (_, over, text) => {
    const segment = segmentOf({ ...heard, ...over }, 0, 100);
    expect(segment.text).toBe(text);
    expect(segment.words).toHaveLength(text === '' ? 0 : 1);
  });
});
