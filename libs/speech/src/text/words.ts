const eastAsian =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff20}\u{ff3b}-\u{ff40}\u{ff5b}-\u{ff65}]/u;
const letterOrNumber = /[\p{L}\p{N}]/u;
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * The words of a text in order, as they are written. Punctuation is included and white space left out, so joining the
 * words gives the text without its white space. Chinese and Japanese give one entry per character and one per
 * punctuation mark.
 */
export function splitWords(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((run) => run !== '')
    .flatMap((run) => (eastAsian.test(run) ? splitEastAsian(run) : [run]));
}

/**
 * A run of foreign letters or digits inside Chinese or Japanese stays one word, together with the punctuation that
 * touches it.
 */
function splitEastAsian(run: string): string[] {
  const words: string[] = [];
  let foreign: string[] = [];
  const endForeign = () => {
    const joined = foreign.join('');
    if (letterOrNumber.test(joined)) words.push(joined);
    else words.push(...foreign);
    foreign = [];
  };
  for (const { segment } of graphemes.segment(run)) {
    if (!eastAsian.test(segment)) {
      foreign.push(segment);
      continue;
    }
    endForeign();
    words.push(segment);
  }
  endForeign();
  return words;
}
