import { deflateSync } from 'node:zlib';

/** Limits of the reference: text that compresses better repeats itself; less likely text is not trusted. */
const mostCompression = 2.4;
const leastLogProbability = -1;
const mostNoSpeech = 0.6;

/** How many times shorter the text becomes when compressed. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/** Longest phrase, in tokens, whose repetition is looked for. */
const longestPhrase = 24;

/** Whether the tokens end in a phrase said again and again: single tokens eight times, phrases four times. */
export const loops = (tokens: readonly number[]): boolean => loopedPhrase(tokens) > 0;

/** The tokens with a phrase that they end in over and over said once. */
export function withoutLoop(tokens: readonly number[]): number[] {
  const phrase = loopedPhrase(tokens);
  let end = tokens.length;
  while (phrase > 0 && end > phrase && tokens[end - 1] === tokens[end - 1 - phrase]) end -= 1;
  return tokens.slice(0, end);
}

/** Tokens of the phrase that is repeated at the end; 0 when none is. */
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

/** What a decoded text is judged by. */
export interface Heard {
  readonly text: string;
  readonly averageLogProbability: number;
  readonly noSpeechProbability: number;
  readonly looped: boolean;
}

/** Whether more context may give a better answer. */
export function isDoubtful({ text, averageLogProbability, looped }: Heard): boolean {
  return looped || averageLogProbability < leastLogProbability || compressionRatio(text) > mostCompression;
}

/** Whether nothing was said: the model thinks so, and does not believe its own text. */
export function isSilent(heard: Pick<Heard, 'noSpeechProbability' | 'averageLogProbability'>): boolean {
  return mayBeSilent(heard) && heard.averageLogProbability < leastLogProbability;
}

/** Whether the model thinks that nothing was said, whatever it wrote. */
export const mayBeSilent = ({ noSpeechProbability }: Pick<Heard, 'noSpeechProbability'>): boolean =>
  noSpeechProbability > mostNoSpeech;
