import { sttSampleRateHz } from '../../audio';
import type { RecognisedWord } from '../stt-engine';
import { positionSamples } from './audio-encoder';
import type { Attention } from './greedy-decoder';
import type { TokenWord } from './tokenizer';

/** Width of the median filter that removes outliers from the attention, as in the reference implementation. */
const filterWidth = 7;

/**
 * Computes the position of each word by dynamic time warping: the path through the attention of the alignment heads
 * that never goes back in text or time and has the largest sum. Positions do not decrease and lie within the audio.
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
 * The path has no pauses: a pause becomes part of the word before or after it. Words at a pause are therefore limited
 * to twice the usual length of a word. The reference implementation does this at the ends of sentences.
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

/** One row per token of the transcript and one for its end: the mean attention of the heads to each position. */
function alignment({ heads, promptRows }: Attention, positions: number): Float64Array[] {
  const rows = heads[0]?.length ?? 0;
  const mean = Array.from({ length: rows }, () => new Float64Array(positions));
  for (const head of heads) {
    const shares = head.map((row) => normalised(row.subarray(0, positions)));
    standardise(shares);
    for (const [index, row] of shares.entries()) {
      const smooth = medianFiltered(row);
      const sum = mean[index]!;
      for (let position = 0; position < positions; position += 1) sum[position]! += smooth[position]! / heads.length;
    }
  }
  return mean.slice(promptRows);
}

function normalised(row: Float32Array): Float64Array {
  let sum = 0;
  for (const value of row) sum += value;
  const shares = new Float64Array(row.length);
  for (let at = 0; at < row.length; at += 1) shares[at] = row[at]! / (sum || 1);
  return shares;
}

/**
 * Scales to mean 0 and standard deviation 1 at each position, over the tokens. The loops run along the rows, which is
 * much faster than across them.
 */
function standardise(rows: readonly Float64Array[]): void {
  const positions = rows[0]?.length ?? 0;
  const mean = new Float64Array(positions);
  const deviation = new Float64Array(positions);
  for (const row of rows) for (let at = 0; at < positions; at += 1) mean[at]! += row[at]!;
  for (let at = 0; at < positions; at += 1) mean[at]! /= rows.length;
  for (const row of rows) for (let at = 0; at < positions; at += 1) deviation[at]! += (row[at]! - mean[at]!) ** 2;
  for (let at = 0; at < positions; at += 1) deviation[at] = Math.sqrt(deviation[at]! / rows.length) || 1;
  for (const row of rows) for (let at = 0; at < positions; at += 1) row[at] = (row[at]! - mean[at]!) / deviation[at]!;
}

/**
 * The median of the values around each one. The window stays sorted while it moves, since sorting it each time takes
 * most of the time.
 */
function medianFiltered(row: Float64Array): Float64Array {
  const half = (filterWidth - 1) / 2;
  if (row.length <= half) return row;
  const mirrored = (index: number): number => {
    const inside = Math.abs(index);
    return row[inside < row.length ? inside : 2 * (row.length - 1) - inside]!;
  };
  const window = Float64Array.from({ length: filterWidth }, (_, index) => mirrored(index - half)).sort();
  const medians = new Float64Array(row.length);
  for (let position = 0; position < row.length; position += 1) {
    medians[position] = window[half]!;
    replace(window, mirrored(position - half), mirrored(position + half + 1));
  }
  return medians;
}

/** Replaces a value in a sorted window. */
function replace(window: Float64Array, old: number, value: number): void {
  let at = 0;
  while (at < window.length - 1 && window[at] !== old) at += 1;
  for (; at > 0 && window[at - 1]! > value; at -= 1) window[at] = window[at - 1]!;
  for (; at < window.length - 1 && window[at + 1]! < value; at += 1) window[at] = window[at + 1]!;
  window[at] = value;
}

/** The previous point of the path: the token before, the position before, or both. */
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
