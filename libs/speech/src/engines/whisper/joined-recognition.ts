import { usesSpaces } from '../../spaces';
import type { Recognition } from '../stt-engine';

const lettersOf = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/**
 * Whether a recognition of the rest of an audio is empty or repeats the end of the first text. The time of a word that
 * spans pauses, as of a number that is said digit by digit, ends too early, and its last part is recognised twice. A
 * rest that equals the whole text is not a repetition: something was said before it.
 */
export function addsNothing(first: string, rest: string): boolean {
  const [said, again] = [lettersOf(first), lettersOf(rest)];
  return again === '' || (said.length > again.length && said.endsWith(again));
}

/** Joins a recognition with the recognition of the audio from `offsetSamples` on. */
export function joined(first: Recognition, rest: Recognition, offsetSamples: number): Recognition {
  const moved = rest.words.map(({ word, startSample, endSample }) => ({
    word,
    startSample: startSample + offsetSamples,
    endSample: endSample + offsetSamples,
  }));
  return {
    text: [first.text, rest.text].filter((text) => text !== '').join(usesSpaces(first.language) ? ' ' : ''),
    words: [...first.words, ...moved],
    language: first.language,
    averageLogProbability: Math.min(first.averageLogProbability, rest.averageLogProbability),
    noSpeechProbability: Math.min(first.noSpeechProbability, rest.noSpeechProbability),
    fellBack: first.fellBack || rest.fellBack,
    encodeMs: first.encodeMs + rest.encodeMs,
    decodeMs: first.decodeMs + rest.decodeMs,
  };
}
