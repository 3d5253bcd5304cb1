import { parseClauses, type Clause, type Token } from './clauses';
import type { Phonemizer } from './phonemizer';
import type { VitsConfig } from './vits-config';
import { alignWords } from './word-alignment';

/** One symbol of the voice's input. */
export interface Symbol {
  readonly phoneme: string;
  /** Index of the word to which it belongs. Undefined for pauses. */
  readonly word: number | undefined;
  /** Its ids, including the pad after it: positions [firstId, endId) of the input. */
  readonly firstId: number;
  readonly endId: number;
}

/** The input of a voice for one utterance. */
export interface SpokenText {
  /** Empty when there is nothing to say. */
  readonly ids: readonly number[];
  readonly symbols: readonly Symbol[];
  /** The words as they are written in the text. */
  readonly words: readonly string[];
}

/**
 * Number of cached pronunciations. They are used to locate words in a clause, and most words of a text are frequent
 * ones.
 */
const keptPronunciations = 20_000;
const plainWord = /^[\p{L}’']+$/u;
const edges = /^[^\p{L}\p{N}$€£&%#@+]+|[^\p{L}\p{N}$€£&%#@+]+$/gu;

/** Turns text into the input ids of a voice and records the word of each id. */
export class TextFrontend {
  private readonly pronunciations = new Map<string, string>();

  constructor(
    private readonly phonemeIds: VitsConfig['phonemeIds'],
    private readonly phonemizer: Phonemizer,
  ) {}

  async speak(text: string): Promise<SpokenText> {
    const { words, clauses } = parseClauses(text);
    const input = new InputWriter(this.phonemeIds);
    for (const clause of clauses) await this.speakClause(clause, input);
    return { ...input.finish(), words };
  }

  private async speakClause(clause: Clause, input: InputWriter): Promise<void> {
    const spoken = (await this.phonemizer.phonemize(textOf(clause.tokens))).normalize('NFD');
    if (spoken === '') return;
    const words = await this.wordsOf(spoken, clause.tokens);
    input.startClause();
    [...spoken].forEach((phoneme, index) => {
      const token = clause.tokens[words[index] ?? 0];
      input.add(phoneme, phoneme === ' ' ? undefined : token?.word);
    });
    if (clause.terminator !== '') input.add(clause.terminator, undefined);
  }

  /** The token of each character of a clause's phonemes. */
  private async wordsOf(spoken: string, tokens: readonly Token[]): Promise<readonly number[]> {
    const groups = spoken.split(' ');
    const pronounced = tokens.map((token) => token.text.replace(edges, ''));
    const voiced = pronounced.flatMap((word, index) => (word === '' ? [] : [index]));
    if (voiced.length <= 1) return [...spoken].map(() => voiced[0] ?? 0);
    if (groups.length === voiced.length && voiced.every((index) => plainWord.test(pronounced[index] ?? ''))) {
      return groups.flatMap((group, index) => [...`${group} `].map(() => voiced[index] ?? 0));
    }
    const references = await this.pronounce(voiced.map((index) => pronounced[index] ?? ''));
    return alignWords(spoken, references).map((word) => voiced[word] ?? 0);
  }

  private async pronounce(words: readonly string[]): Promise<string[]> {
    const unknown = [...new Set(words.map((word) => word.toLowerCase()))].filter(
      (key) => !this.pronunciations.has(key),
    );
    const plain = unknown.filter((word) => plainWord.test(word));
    const others = unknown.filter((word) => !plainWord.test(word));
    if (this.pronunciations.size + unknown.length > keptPronunciations) this.pronunciations.clear();
    const keep = (keys: readonly string[], phonemes: readonly string[]): void =>
      keys.forEach((key, index) => this.pronunciations.set(key, (phonemes[index] ?? '').normalize('NFD')));
    keep(plain, await this.phonemizer.pronounce(plain));
    for (const word of others) keep([word], [await this.phonemizer.phonemize(word)]);
    return words.map((word) => this.pronunciations.get(word.toLowerCase()) ?? '');
  }
}

const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join(' ');

/** Writes start, phonemes with a pad after each, and end. */
class InputWriter {
  private readonly ids: number[];
  private readonly symbols: Symbol[] = [];

  constructor(private readonly phonemeIds: VitsConfig['phonemeIds']) {
    this.ids = [...this.idsOf('^'), ...this.idsOf('_')];
  }

  startClause(): void {
    if (this.symbols.length > 0) this.add(' ', undefined);
  }

  /** Phonemes that the voice does not have are left out. */
  add(phoneme: string, word: number | undefined): void {
    const ids = this.idsOf(phoneme);
    if (ids.length === 0) return;
    const firstId = this.ids.length;
    this.ids.push(...ids, ...this.idsOf('_'));
    this.symbols.push({ phoneme, word, firstId, endId: this.ids.length });
  }

  finish(): Pick<SpokenText, 'ids' | 'symbols'> {
    const says = this.symbols.some(({ word }) => word !== undefined);
    return says ? { ids: [...this.ids, ...this.idsOf('$')], symbols: this.symbols } : { ids: [], symbols: [] };
  }

  private idsOf(phoneme: string): readonly number[] {
    return this.phonemeIds.get(phoneme) ?? [];
  }
}
