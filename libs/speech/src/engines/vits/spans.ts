import type { PhonemeSpan, WordSpan } from '../tts-engine';
import type { SpokenText, Symbol } from './text-frontend';

const stress = /^[ˈˌ]+$/u;
const modifier = /^(?:[ːˑ˞ʰʷʲˤ]|\p{M})$/u;

/** Number of frames before each id, followed by the number of all frames. */
export function frameOffsets(durations: readonly number[]): number[] {
  const offsets = [0];
  for (const frames of durations) offsets.push((offsets.at(-1) ?? 0) + frames);
  return offsets;
}

/**
 * The position of every word, in order. A word that is not spoken has no length and lies at the end of the previous
 * word.
 */
export function wordSpans(text: SpokenText, offsets: readonly number[], samplesPerFrame: number): WordSpan[] {
  const byWord = new Map<number, Symbol[]>();
  for (const symbol of text.symbols) {
    if (symbol.word === undefined) continue;
    const held = byWord.get(symbol.word);
    if (held) held.push(symbol);
    else byWord.set(symbol.word, [symbol]);
  }
  let previousEnd = 0;
  return text.words.map((word, index) => {
    const symbols = byWord.get(index);
    const startSample = symbols ? sampleAt(offsets, symbols[0]?.firstId, samplesPerFrame) : previousEnd;
    previousEnd = symbols ? sampleAt(offsets, symbols.at(-1)?.endId, samplesPerFrame) : previousEnd;
    return { word, startSample, endSample: previousEnd };
  });
}

/**
 * The position of every phoneme. Stress marks belong to the next sound. Length marks and other modifiers belong to the
 * previous one.
 */
export function phonemeSpans(text: SpokenText, offsets: readonly number[], samplesPerFrame: number): PhonemeSpan[] {
  const groups: Symbol[][] = [];
  let joinsNext = false;
  for (const symbol of text.symbols) {
    if (symbol.word === undefined) {
      joinsNext = false;
      continue;
    }
    const open = groups.at(-1);
    if (open && (joinsNext || (modifier.test(symbol.phoneme) && open.at(-1)?.endId === symbol.firstId)))
      open.push(symbol);
    else groups.push([symbol]);
    joinsNext = stress.test(symbol.phoneme);
  }
  return groups.map((group) => ({
    phoneme: group.map(({ phoneme }) => phoneme).join(''),
    startSample: sampleAt(offsets, group[0]?.firstId, samplesPerFrame),
    endSample: sampleAt(offsets, group.at(-1)?.endId, samplesPerFrame),
  }));
}

const sampleAt = (offsets: readonly number[], id: number | undefined, samplesPerFrame: number): number =>
  (offsets[id ?? 0] ?? 0) * samplesPerFrame;
