import { deflateSync } from 'node:zlib';

/**
 * Limits of the reference implementation. Text that compresses better than this repeats itself. Text that is less
 * likely than this is not trusted.
 */
const mostCompression = 2.4;
const leastLogProbability = -1;
const mostNoSpeech = 0.6;

/** Length of the text divided by its compressed length. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/** Longest phrase, in tokens, that is checked for repetition. */
const longestPhrase = 24;

/** Whether the tokens end in a repeated phrase. Single tokens must occur eight times, longer phrases four times. */
export const loops = (tokens: readonly number[]): boolean => loopedPhrase(tokens) > 0;

/** The tokens, with a repeated phrase at their end reduced to one occurrence. */
export function withoutLoop(tokens: readonly number[]): number[] {
  const phrase = loopedPhrase(tokens);
  let end = tokens.length;
  while (phrase > 0 && end > phrase && tokens[end - 1] === tokens[end - 1 - phrase]) end -= 1;
  return tokens.slice(0, end);
}

/** Number of tokens of the phrase that is repeated at the end. 0 if there is none. */
function loopedPhrase(tokens: readonly number[]): number {
  for (let phrase = 1; phrase <= longestPhrase; phrase += 1) {
    const repeats = phrase < 3 ? 8 : 4;
    if (tokens.length >= phrase * repeats && repeatsAtEnd(tokens, phrase, repeats)) return phrase;
  }
  return 0;
}

function repeatsAtEnd(tokens: readonly number[], phrase: number, repeats: number): boolean {
  const start = tokens.length - phrase * (repeats - 1);
  for (let index = start; index < tokens.length; index += 1) {
    if (tokens[index] !== tokens[index - phrase]) return false;
  }
  return true;
}

/** The measures by which a decoded text is judged. */
export interface Heard {
  readonly text: string;
  readonly averageLogProbability: number;
  readonly noSpeechProbability: number;
  readonly looped: boolean;
}

/** Whether decoding with more context may give a better transcript. */
export function isDoubtful({ text, averageLogProbability, looped }: Heard): boolean {
  return looped || averageLogProbability < leastLogProbability || compressionRatio(text) > mostCompression;
}

/** Whether nothing was said: the model reports silence and its own text is unlikely. */
export function isSilent(heard: Pick<Heard, 'noSpeechProbability' | 'averageLogProbability'>): boolean {
  return mayBeSilent(heard) && heard.averageLogProbability < leastLogProbability;
}

/** Whether the model reports that nothing was said, whatever its text is. */
export const mayBeSilent = ({ noSpeechProbability }: Pick<Heard, 'noSpeechProbability'>): boolean =>
  noSpeechProbability > mostNoSpeech;
