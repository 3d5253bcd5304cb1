import { loadEspeakPhonemizer } from './espeak-phonemizer';
import type { Phonemizer } from './phonemizer';
import { TextFrontend, type SpokenText } from './text-frontend';

/** Every symbol is its own id from 10 on, so that ids can be read back. */
const alphabet = [...' ,.;:!?abcdefghijklmnopqrstuvwxyzæðŋɐɑɔəɚɛɜɪʊʌʒʃθɡɹɾˈˌː'];
const phonemeIds = new Map<string, readonly number[]>([
  ['_', [0]],
  ['^', [1]],
  ['$', [2]],
  ...alphabet.map((symbol, index) => [symbol, [10 + index]] as const),
]);

const inputOf = (spoken: SpokenText): string => spoken.symbols.map(({ phoneme }) => phoneme).join('');

/** What is spoken with each word. */
const byWord = (spoken: SpokenText): Record<string, string> =>
  Object.fromEntries(
    spoken.words.map((word, index) => [
      word,
      spoken.symbols.flatMap((symbol) => (symbol.word === index ? [symbol.phoneme] : [])).join(''),
    ]),
  );

describe('TextFrontend', () => {
  let phonemizer: Phonemizer;
  let frontend: TextFrontend;

  beforeAll(async () => {
    phonemizer = await loadEspeakPhonemizer('en-us');
    frontend = new TextFrontend(phonemeIds, phonemizer);
  });

  it('puts the punctuation back between clauses, and none where the text just ends', async () => {
    expect(inputOf(await frontend.speak('Yes, go; now!'))).toBe('jˈɛs, ɡˈoʊ; nˈaʊ!');
    expect(inputOf(await frontend.speak('Yes, go'))).toBe('jˈɛs, ɡˈoʊ');
  });

  it('writes start, a pad after every symbol, and end', async () => {
    const { ids, symbols } = await frontend.speak('Yes.');
    expect(ids.slice(0, 2)).toEqual([1, 0]);
    expect(ids.at(-1)).toBe(2);
    expect(ids.slice(2, -1).filter((_, index) => index % 2 === 1)).toEqual(symbols.map(() => 0));
    expect(symbols[0]).toMatchObject({ firstId: 2, endId: 4 });
    expect(symbols.at(-1)?.endId).toBe(ids.length - 1);
  });

  it('leaves out what the voice does not know', async () => {
    const few = new TextFrontend(new Map([...phonemeIds].filter(([symbol]) => symbol !== 'j')), phonemizer);
    expect(inputOf(await few.speak('Yes.'))).toBe('ˈɛs.');
  });

  it('knows the word of every phoneme, also where eSpeak runs words together', async () => {
    expect(byWord(await frontend.speak('It was the best of times,'))).toEqual({
      It: 'ɪt',
      was: 'wʌz',
      the: 'ðə',
      best: 'bˈɛst',
      of: 'ʌv',
      'times,': 'tˈaɪmz',
    });
  });

  it('gives the several words of a number or symbol to the one word of the text', async () => {
    const words = byWord(await frontend.speak('It costs $3.14 & rising in 1999.'));
    expect(words['$3.14']).toBe('dˈɑːlɚθɹˈiːpɔɪntwˈʌnfˈoːɹ');
    expect(words['costs']).toBe('kˈɔsts');
    expect(words['1999.']).toMatch(/^nˈaɪn.*nˈaɪn$/);
    expect(words['&']).toMatch(/nd$/);
  });

  it('speaks abbreviations as what they stand for, without a pause', async () => {
    const spoken = await frontend.speak('Dr. Smith left.');
    expect(inputOf(spoken)).toBe('dˈɑːktɚ smˈɪθ lˈɛft.');
    expect(byWord(spoken)['Dr.']).toBe('dˈɑːktɚ');
  });

  it('keeps words without sound in the list of words', async () => {
    const spoken = await frontend.speak('yes — “ no');
    expect(spoken.words).toEqual(['yes', '—', '“', 'no']);
    expect(byWord(spoken)).toEqual({ yes: 'jˈɛs', '—': '', '“': '', no: 'nˈoʊ' });
  });

  it('covers every word of real sentences in order', async () => {
    const text =
      'In the end, of course, the 3rd of the U.S. teams (led by J. R. Hall) said: “it’s state-of-the-art!” — and, at 10:30, 50% of us left www.example.com… didn’t we?';
    const spoken = await frontend.speak(text);
    expect(spoken.words).toEqual(text.split(' '));
    const order = spoken.symbols.flatMap(({ word }) => word ?? []);
    order.forEach((word, index) => expect(word).toBeGreaterThanOrEqual(order[index - 1] ?? 0));
    const silent = spoken.words.filter((_, index) => !order.includes(index));
    expect(silent).toEqual(['—']);
    expect(byWord(spoken)).toMatchObject({ the: 'ðə', of: 'ʌv', left: 'lˈɛft', 'we?': 'wiː' });
  });

  it('has no ids where there is nothing to say', async () => {
    expect(await frontend.speak('… —')).toEqual({ ids: [], symbols: [], words: ['…', '—'] });
    expect(await frontend.speak('')).toEqual({ ids: [], symbols: [], words: [] });
  });
});

describe('loadEspeakPhonemizer', () => {
  it('refuses a voice that eSpeak does not have', async () => {
    await expect(loadEspeakPhonemizer('xx-unknown')).rejects.toThrow('eSpeak NG has no voice "xx-unknown"');
  });

  it('pronounces words alone, in one call or one by one', async () => {
    const phonemizer = await loadEspeakPhonemizer('en-us');
    expect(await phonemizer.pronounce(['was', 'the', 'times'])).toEqual(['wˈʌz', 'ðˈə', 'tˈaɪmz']);
    expect(await phonemizer.pronounce(['one, two', 'the'])).toEqual(['wˈʌn tˈuː', 'ðˈə']);
    expect(await phonemizer.pronounce([])).toEqual([]);
  });

  it('leaves no listeners for uncaught errors behind', async () => {
    const count = (): number =>
      process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
    const before = count();
    await jest.isolateModulesAsync(async () => {
      const fresh = jest.requireActual<{ loadEspeakPhonemizer: typeof loadEspeakPhonemizer }>('./espeak-phonemizer');
      await fresh.loadEspeakPhonemizer('en-us');
    });
    expect(count()).toBe(before);
  });
});
