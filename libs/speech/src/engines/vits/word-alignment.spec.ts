import { alignWords } from './word-alignment';

/** The phonemes that fall to each word. */
function split(spoken: string, references: string[]): string[] {
  const words = alignWords(spoken, references);
  const parts = references.map(() => '');
  [...spoken].forEach((symbol, index) => {
    const word = words[index] ?? 0;
    parts[word] = `${parts[word] ?? ''}${symbol}`;
  });
  return parts.map((part) => part.trim());
}

describe('alignWords', () => {
  it('gives each word its own group', () => {
    expect(split('bˈɛst ʌv tˈaɪmz', ['bˈɛst', 'ˈʌv', 'tˈaɪmz'])).toEqual(['bˈɛst', 'ʌv', 'tˈaɪmz']);
  });

  it('parts words that are run together', () => {
    expect(split('ɪt wʌzðə bˈɛst', ['ˈɪt', 'wˈʌz', 'ðˈə', 'bˈɛst'])).toEqual(['ɪt', 'wʌz', 'ðə', 'bˈɛst']);
    expect(split('ɪnðɪ ʌvðə tə bˈiː', ['ˈɪn', 'ðˈə', 'ˈʌv', 'ðˈə', 'tˈuː', 'bˈiː'])).toEqual([
      'ɪn',
      'ðɪ',
      'ʌv',
      'ðə',
      'tə',
      'bˈiː',
    ]);
    expect(split('ˈeɪɐnd bˈiː', ['ˈeɪ', 'ˈænd', 'bˈiː'])).toEqual(['ˈeɪ', 'ɐnd', 'bˈiː']);
  });

  it('keeps the several spoken words of a number together', () => {
    const number = 'θɹˈiː pɔɪnt wˈʌn fˈoːɹ';
    expect(split(`kˈɔsts ${number} dˈɑːlɚz`, ['kˈɔsts', number, 'dˈɑːlɚz'])).toEqual(['kˈɔsts', number, 'dˈɑːlɚz']);
  });

  it('moves with words that sound otherwise than alone', () => {
    expect(split('ðɪ ˈæpəl fɚ jʊɹ dˈɔːɡ', ['ðˈə', 'ˈæpəl', 'fˈɔːɹ', 'jˈʊɹ', 'dˈɔːɡ'])).toEqual([
      'ðɪ',
      'ˈæpəl',
      'fɚ',
      'jʊɹ',
      'dˈɔːɡ',
    ]);
  });

  it('leaves a word that is not spoken without phonemes', () => {
    expect(split('wˈʌn tˈuː', ['wˈʌn', 'kˈɑːmə', 'tˈuː'])).toEqual(['wˈʌn', '', 'tˈuː']);
  });

  it('gives everything to the only word, also when its pronunciation is unknown', () => {
    expect(split('hˈæʃ wˈʌn', ['xyz'])).toEqual(['hˈæʃ wˈʌn']);
    expect(split('hˈæʃ wˈʌn', [''])).toEqual(['hˈæʃ wˈʌn']);
  });

  it('never goes back', () => {
    const words = alignWords('wʌzðə bˈɛst ʌvðə bˈɛst', ['wˈʌz', 'ðˈə', 'bˈɛst', 'ˈʌv', 'ðˈə', 'bˈɛst']);
    words.forEach((word, index) => expect(word).toBeGreaterThanOrEqual(words[index - 1] ?? 0));
    expect(new Set(words)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  it('has nothing to say of no phonemes', () => {
    expect(alignWords('', ['ˈɪt'])).toEqual([]);
  });
});
