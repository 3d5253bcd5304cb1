import { WhisperTokenizer } from './tokenizer';

/** Bytes as the byte-level alphabet writes them: a space is Ġ, the other bytes of these texts that are not printable as given. */
const pieces = ['ĠHello', 'Ġwor', 'ld', '.', ',', 'Ġ"', 'Ġcaf', 'Ã', '©', '"', 'ä½', 'ł', 'å¥½', 'Ġ(', 'no', ')'];
const special = ['<|endoftext|>', '<|startoftranscript|>', '<|en|>', '<|yue|>', '<|transcribe|>', '<|nospeech|>'];

function tokenizer(names: readonly string[] = [...special, '<|notimestamps|>']): WhisperTokenizer {
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const added = names.map((content, index) => ({ content, id: pieces.length + index }));
  return WhisperTokenizer.parse(JSON.stringify({ model: { vocab }, added_tokens: added }));
}

const ids = (...wanted: readonly string[]): number[] => wanted.map((piece) => pieces.indexOf(piece));

describe('WhisperTokenizer', () => {
  it('joins bytes to characters, and says nothing for special tokens', () => {
    const { startOfTranscript, endOfText } = tokenizer();
    const tokens = [startOfTranscript, ...ids('ĠHello', 'Ġcaf', 'Ã', '©'), endOfText];
    expect(tokenizer().decode(tokens)).toBe(' Hello café');
    expect(tokenizer().decode(ids('ä½', 'ł', 'å¥½'))).toBe('你好');
  });

  it('finds special tokens and languages by name', () => {
    const { endOfText, languageTokens } = tokenizer();
    expect(endOfText).toBe(pieces.length);
    expect([...languageTokens.keys()]).toEqual(['en', 'yue']);
    expect(tokenizer([...special.slice(0, 5), '<|nocaptions|>', '<|notimestamps|>']).noSpeech).toBe(pieces.length + 5);
  });

  it('refuses a vocabulary without them', () => {
    expect(() => tokenizer(special)).toThrow('<|notimestamps|>');
    expect(() => WhisperTokenizer.parse('{}')).toThrow('no vocabulary');
  });

  it('cuts text into words, punctuation with the word it belongs to', () => {
    const tokens = ids('ĠHello', ',', 'Ġwor', 'ld', '.', 'Ġ"', 'Ġcaf', 'Ã', '©', '"', 'Ġ(', 'no', ')');
    const words = tokenizer().words(tokens, 'en');
    expect(words.map((word) => word.text)).toEqual([' Hello,', ' world.', ' " café"', ' (no)']);
    expect(words.flatMap((word) => word.tokens)).toEqual(tokens);
  });

  it('cuts scripts without spaces into characters', () => {
    const words = tokenizer().words(ids('ä½', 'ł', 'å¥½'), 'zh');
    expect(words.map((word) => word.text)).toEqual(['你', '好']);
  });
});
