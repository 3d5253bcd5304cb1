import { normalisedWords, wordErrorRate } from './word-error-rate';

describe('wordErrorRate', () => {
  it('is zero for the same words, whatever case, punctuation and numbers look like', () => {
    const reference = 'On the 24th of May, Mr. Smith’s 1,250 guests – all of them – said “no”.';
    const heard = "on the 24th of may mister smith's one thousand two hundred fifty guests all of them said no";
    expect(wordErrorRate(reference, heard).errors).toBe(0);
  });

  it('counts changed, missing and extra words', () => {
    expect(wordErrorRate('a b c d', 'a x c d')).toEqual({ errors: 1, words: 4, rate: 0.25 });
    expect(wordErrorRate('a b c d', 'a c d').errors).toBe(1);
    expect(wordErrorRate('a b c d', 'a b b c d').errors).toBe(1);
    expect(wordErrorRate('a b c d', '').rate).toBe(1);
    expect(wordErrorRate('a', 'a b c').rate).toBe(2);
  });

  it('finds the smallest number of changes', () => {
    expect(wordErrorRate('the cat sat on the mat', 'cat sat at the the mat').errors).toBe(3);
  });
});

describe('normalisedWords', () => {
  it('spells numbers', () => {
    expect(normalisedWords('0 7 15 42 100 317 20,000')).toEqual(
      'zero seven fifteen forty two one hundred three hundred seventeen twenty thousand'.split(' '),
    );
  });

  it('keeps apostrophes inside words only', () => {
    expect(normalisedWords("'Don't' say 'it'")).toEqual(["don't", 'say', 'it']);
  });
});
