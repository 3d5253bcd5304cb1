import { usesSpaces } from '../../spaces';
import type { Recognition } from '../stt-engine';

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
