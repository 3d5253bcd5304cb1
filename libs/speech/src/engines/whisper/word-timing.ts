import { sttSampleRateHz, type RecognisedWord } from '../stt-engine';
import { positionSamples } from './audio-encoder';
import type { Attention } from './greedy-decoder';
import type { TokenWord } from './tokenizer';

/** Width of the filter that takes single outliers out of the attention, as in the reference. */
const filterWidth = 7;

/**
 * Gives words their places: the path through the attention of the alignment heads that goes forward in text and time and
 * gathers most of it (dynamic time warping). Places do not decrease and lie within the audio.
 */
export function timeWords(words: readonly TokenWord[], attention: Attention, samples: number): RecognisedWord[] {
  const positions = Math.max(1, Math.min(attention.positions, Math.ceil(samples / positionSamples)));
  const starts = startsOfTokens(alignment(attention, positions));
  let token = 0;
  let earliest = 0;
  const place = (at: number): number => {
    const sample = (starts[Math.min(at, starts.length - 1)] ?? 0) * positionSamples;
    earliest = Math.max(earliest, Math.min(sample, samples));
    return earliest;
  };
  const timed = words.map(({ text, tokens }) => {
    const startSample = place(token);
    token += tokens.length;
    return { word: text.trim(), startSample, endSample: place(token) };
  });
  return withoutPauses(timed);
}

const longestUsualSamples = 0.7 * sttSampleRateHz;
const pauseMark = /[.,;:!?。，！？：；、…]["'”)\]]*$/;

/**
 * The path has no room for pauses: they become part of the word before or after. Words at a pause are therefore cut to
 * twice the usual length of a word, as the reference does at the ends of sentences.
 */
function withoutPauses(words: readonly RecognisedWord[]): RecognisedWord[] {
  const lengths = words.map((word) => word.endSample - word.startSample).filter((length) => length > 0);
  const usual = lengths.sort((one, other) => one - other)[Math.floor(lengths.length / 2)] ?? 0;
  const limit = Math.round(2 * Math.min(usual, longestUsualSamples));
  return words.map((word, index) => {
    const before = words[index - 1];
    if (word.endSample - word.startSample <= limit) return word;
    if (before && pauseMark.test(word.word)) return { ...word, endSample: word.startSample + limit };
    if (before && !pauseMark.test(before.word)) return word;
    return { ...word, startSample: word.endSample - limit };
  });
}

/** One row per token of the answer and one for its end: how much the heads, on average, look at each position. */
function alignment({ heads, promptRows }: Attention, positions: number): Float64Array[] {
  const rows = heads[0]?.length ?? 0;
  const mean = Array.from({ length: rows }, () => new Float64Array(positions));
  for (const head of heads) {
    const shares = head.map((row) => normalised(row.subarray(0, positions)));
    standardise(shares);
    shares.forEach((row, index) => {
      const smooth = medianFiltered(row);
      for (let position = 0; position < positions; position += 1)
        mean[index]![position]! += smooth[position]! / heads.length;
    });
  }
  return mean.slice(promptRows);
}

function normalised(row: Float32Array): Float64Array {
  const sum = row.reduce((total, value) => total + value, 0) || 1;
  return Float64Array.from(row, (value) => value / sum);
}

/** Mean 0 and deviation 1 at each position, over the tokens. */
function standardise(rows: readonly Float64Array[]): void {
  const positions = rows[0]?.length ?? 0;
  for (let position = 0; position < positions; position += 1) {
    const mean = rows.reduce((sum, row) => sum + row[position]!, 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[position]! - mean) ** 2, 0) / rows.length;
    const deviation = Math.sqrt(variance) || 1;
    for (const row of rows) row[position] = (row[position]! - mean) / deviation;
  }
}

function medianFiltered(row: Float64Array): Float64Array {
  const half = (filterWidth - 1) / 2;
  if (row.length <= half) return row;
  const mirrored = (index: number): number => {
    const inside = Math.abs(index);
    return row[inside < row.length ? inside : 2 * (row.length - 1) - inside]!;
  };
  const window = new Float64Array(filterWidth);
  return row.map((_, position) => {
    for (let offset = -half; offset <= half; offset += 1) window[offset + half] = mirrored(position + offset);
    return window.sort()[half]!;
  });
}

/** Where the path came from: the token before, the position before, or both. */
const step = { both: 0, token: 1, position: 2 } as const;

/** The position at which the cheapest path reaches each row. */
function startsOfTokens(rows: readonly Float64Array[]): number[] {
  const positions = rows[0]?.length ?? 0;
  const steps = rows.map(() => new Uint8Array(positions));
  let before = new Float64Array(positions).fill(Infinity);
  rows.forEach((row, token) => {
    const costs = new Float64Array(positions);
    for (let position = 0; position < positions; position += 1) {
      const both = token === 0 && position === 0 ? 0 : position > 0 ? before[position - 1]! : Infinity;
      const nextToken = before[position]!;
      const nextPosition = position > 0 ? costs[position - 1]! : Infinity;
      const least = Math.min(both, nextToken, nextPosition);
      steps[token]![position] = least === both ? step.both : least === nextToken ? step.token : step.position;
      costs[position] = least - row[position]!;
    }
    before = costs;
  });
  return walkBack(steps);
}

function walkBack(steps: readonly Uint8Array[]): number[] {
  const starts = steps.map(() => 0);
  let token = steps.length - 1;
  let position = (steps[0]?.length ?? 0) - 1;
  while (token >= 0 && position >= 0) {
    starts[token] = position;
    const from = steps[token]![position];
    if (from !== step.position) token -= 1;
    if (from !== step.token) position -= 1;
  }
  return starts;
}
