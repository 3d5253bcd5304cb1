import { usesSpaces } from '../../spaces';
import { SpeechError } from '../../speech-error';

/** The parts of a Hugging Face `tokenizer.json` that are needed to turn tokens into text. */
interface TokenizerFile {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

/** A word, or a part of a script without spaces, with its tokens. */
export interface TokenWord {
  readonly text: string;
  readonly tokens: readonly number[];
}

const punctuation = /^[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]$/;
const replacementCharacter = '\uFFFD';

/** Turns Whisper's tokens into text. Knows byte-level pairs, and special tokens by name. */
export class WhisperTokenizer {
  private readonly special: ReadonlyMap<string, number>;
  private readonly textOfToken: (string | undefined)[] = [];
  private readonly byteOf = bytesOfCharacters();
  /** The language tokens of the vocabulary, by language code. */
  readonly languageTokens: ReadonlyMap<string, number>;
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly transcribe: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;

  private constructor(file: TokenizerFile) {
    this.special = new Map(file.added_tokens.map(({ content, id }) => [content, id]));
    for (const [text, id] of Object.entries(file.model.vocab)) {
      if (!this.special.has(text)) this.textOfToken[id] = text;
    }
    this.endOfText = this.idOf('<|endoftext|>');
    this.startOfTranscript = this.idOf('<|startoftranscript|>');
    this.transcribe = this.idOf('<|transcribe|>');
    this.noSpeech = this.idOf('<|nospeech|>', '<|nocaptions|>');
    this.noTimestamps = this.idOf('<|notimestamps|>');
    const languages = [...this.special].flatMap(([name, id]): [string, number][] => {
      const code = /^<\|([a-z]{2,3})\|>$/.exec(name)?.[1];
      return code === undefined ? [] : [[code, id]];
    });
    this.languageTokens = new Map(languages);
  }

  /** Parses the content of a `tokenizer.json`. */
  static parse(json: string): WhisperTokenizer {
    const file = JSON.parse(json) as Partial<TokenizerFile>;
    if (!file.model?.vocab || !file.added_tokens) throw new SpeechError('tokenizer.json holds no vocabulary');
    return new WhisperTokenizer({ model: file.model, added_tokens: file.added_tokens });
  }

  /** The text of the tokens. Special tokens have no text. */
  decode(tokens: readonly number[]): string {
    const characters = tokens.map((token) => this.textOfToken[token] ?? '').join('');
    return Buffer.from(Array.from(characters, (character) => this.byteOf.get(character) ?? 0)).toString('utf8');
  }

  /** The words of the text. Punctuation is part of the word that it belongs to. */
  words(tokens: readonly number[], language: string): TokenWord[] {
    const characters = this.characters(tokens.filter((token) => this.textOfToken[token] !== undefined));
    const words = usesSpaces(language) ? joinUnlessSpaced(characters) : characters;
    return joinPunctuation(words);
  }

  /** The smallest groups of tokens that are whole characters. */
  private characters(tokens: readonly number[]): TokenWord[] {
    const groups: TokenWord[] = [];
    let open: number[] = [];
    for (const token of tokens) {
      open.push(token);
      const text = this.decode(open);
      if (text.endsWith(replacementCharacter)) continue;
      groups.push({ text, tokens: open });
      open = [];
    }
    if (open.length > 0) groups.push({ text: this.decode(open), tokens: open });
    return groups;
  }

  private idOf(...names: readonly string[]): number {
    for (const name of names) {
      const id = this.special.get(name);
      if (id !== undefined) return id;
    }
    throw new SpeechError(`tokenizer.json has no token ${names.join(' or ')}`);
  }
}

const join = (words: readonly TokenWord[]): TokenWord => ({
  text: words.map((word) => word.text).join(''),
  tokens: words.flatMap((word) => word.tokens),
});

function joinUnlessSpaced(groups: readonly TokenWord[]): TokenWord[] {
  const words: TokenWord[] = [];
  for (const group of groups) {
    const last = words.at(-1);
    if (!last || group.text.startsWith(' ') || punctuation.test(group.text.trim())) words.push(group);
    else words[words.length - 1] = join([last, group]);
  }
  return words;
}

const opening = new Set(['"', "'", '“', '¿', '(', '[', '{', '-']);
const closing = new Set(['"', "'", '.', '。', ',', '，', '!', '！', '?', '？', ':', '：', '”', ')', ']', '}', '、']);

/** Joins opening marks to the next word and closing marks to the previous one. */
function joinPunctuation(words: readonly TokenWord[]): TokenWord[] {
  const joined: TokenWord[] = [];
  let before: TokenWord[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (last && before.length === 0 && closing.has(word.text)) joined[joined.length - 1] = join([last, word]);
    else if (word.text.startsWith(' ') && opening.has(word.text.trim())) before.push(word);
    else {
      joined.push(join([...before, word]));
      before = [];
    }
  }
  return before.length > 0 ? [...joined, join(before)] : joined;
}

/**
 * The inverse of the byte-level alphabet. Printable bytes stand for themselves, all others for characters from 256 on.
 */
function bytesOfCharacters(): Map<string, number> {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  const bytes = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte += 1) {
    bytes.set(String.fromCharCode(printable(byte) ? byte : next), byte);
    if (!printable(byte)) next += 1;
  }
  return bytes;
}
