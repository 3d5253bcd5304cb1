const ignored = /[\u02c8\u02cc\s]/u;
const vowels = new Set('aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵɶʉʊʌʏᵻ');
const modifiers = /[ːˑ˞ʰʷʲˤ]|\p{M}/u;

const cost = { same: 0, alike: 0.4, modifier: 0.3, skip: 1, other: 1.6, boundaryInside: 0.25 } as const;

/**
 * Assigns every character of `spoken` to a word, as an index into `references`. The indices never decrease. Words that
 * are spoken together can be joined ("was the"), be spoken as several words ("3.14") or sound different than alone. The
 * boundaries of the words are therefore those of the cheapest alignment of both. A space belongs to the previous word,
 * a stress mark to the next one.
 */
export function alignWords(spoken: string, references: readonly string[]): number[] {
  const heard = [...spoken];
  const speakers = references.flatMap((phonemes, word) =>
    [...phonemes].filter((symbol) => !ignored.test(symbol)).map((symbol) => ({ symbol, word })),
  );
  const positions = heard.flatMap((symbol, index) => (ignored.test(symbol) ? [] : [index]));
  if (speakers.length === 0) return heard.map(() => 0);
  const path = cheapestPath(
    positions.map((position) => heard[position] ?? ''),
    positions.map(
      (position, index) => index === 0 || heard.slice((positions[index - 1] ?? 0) + 1, position).includes(' '),
    ),
    speakers,
  );
  return spread(heard, positions, path);
}

interface Speaker {
  readonly symbol: string;
  readonly word: number;
}

/**
 * The path of the least edit distance between the spoken symbols and the words in order: the word of each spoken
 * symbol.
 */
function cheapestPath(
  heard: readonly string[],
  startsGroup: readonly boolean[],
  speakers: readonly Speaker[],
): number[] {
  const columns = speakers.length + 1;
  const total = new Float64Array((heard.length + 1) * columns);
  const step = new Uint8Array(total.length);
  for (let column = 1; column < columns; column += 1) {
    total[column] = (total[column - 1] ?? 0) + skipCost(speakers[column - 1]?.symbol);
    step[column] = skipped;
  }
  for (let row = 1; row <= heard.length; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const here = row * columns + column;
      const symbol = heard[row - 1] ?? '';
      const inserted = (total[here - columns] ?? 0) + skipCost(symbol);
      total[here] = inserted;
      step[here] = added;
      if (column === 0) continue;
      const speaker = speakers[column - 1];
      const newWord = speaker !== undefined && speaker.word !== speakers[column - 2]?.word;
      const torn = newWord && !startsGroup[row - 1] ? cost.boundaryInside : 0;
      const matched = (total[here - columns - 1] ?? 0) + pairCost(symbol, speaker?.symbol ?? '') + torn;
      const left = (total[here - 1] ?? 0) + skipCost(speaker?.symbol);
      if (matched <= (total[here] ?? 0)) [total[here], step[here]] = [matched, paired];
      if (left < (total[here] ?? 0)) [total[here], step[here]] = [left, skipped];
    }
  }
  return traceBack(heard.length, speakers, step);
}

const paired = 0;
const added = 1;
const skipped = 2;

function traceBack(rows: number, speakers: readonly Speaker[], step: Uint8Array): number[] {
  const columns = speakers.length + 1;
  const words = new Array<number>(rows);
  let row = rows;
  let column = speakers.length;
  while (row > 0) {
    const move = step[row * columns + column];
    if (move !== skipped) {
      row -= 1;
      words[row] = speakers[Math.max(0, column - 1)]?.word ?? 0;
    }
    if (move !== added) column -= 1;
  }
  return words;
}

function skipCost(symbol: string | undefined): number {
  return symbol !== undefined && modifiers.test(symbol) ? cost.modifier : cost.skip;
}

function pairCost(a: string, b: string): number {
  if (a === b) return cost.same;
  if (modifiers.test(a) || modifiers.test(b)) return cost.other;
  return vowels.has(a) === vowels.has(b) ? cost.alike + (vowels.has(a) ? 0 : cost.alike) : cost.other;
}

/** Assigns stress marks to the next symbol and spaces to the previous one. */
function spread(heard: readonly string[], positions: readonly number[], path: readonly number[]): number[] {
  const words = new Array<number>(heard.length);
  let next = positions.length - 1;
  for (let index = heard.length - 1; index >= 0; index -= 1) {
    while (next >= 0 && (positions[next] ?? 0) > index) next -= 1;
    const sounds = next >= 0 && positions[next] === index;
    const after = words[index + 1] ?? path.at(-1) ?? 0;
    const before = next >= 0 ? (path[next] ?? 0) : after;
    words[index] = sounds || heard[index] === ' ' ? before : after;
  }
  return words;
}
