/** How far a transcript is from what was said. */
export interface WordErrors {
  /** Words to change, insert or delete. */
  readonly errors: number;
  /** Words of the reference. */
  readonly words: number;
  /** errors / words; may exceed 1. */
  readonly rate: number;
}

const units = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen'.split(
  ' ',
);
const teens = 'sixteen seventeen eighteen nineteen'.split(' ');
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

const titles: Readonly<Record<string, string>> = { mr: 'mister', mrs: 'missus', dr: 'doctor', st: 'saint' };

/** Word errors after case, punctuation, common titles and numbers below a million are written alike. */
export function wordErrorRate(reference: string, heard: string): WordErrors {
  const wanted = normalisedWords(reference);
  const said = normalisedWords(heard);
  const errors = editDistance(wanted, said);
  return { errors, words: wanted.length, rate: wanted.length === 0 ? errors : errors / wanted.length };
}

/** The words of a text as they are compared. */
export function normalisedWords(text: string): string[] {
  return text
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[’‘]/g, "'")
    .replace(/(\d),(?=\d{3})/g, '$1')
    .replace(/\d+/g, (digits) => ` ${spelled(Number(digits))} `)
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .split(/\s+/)
    .map((word) => word.replace(/^'+|'+$/g, ''))
    .filter((word) => word !== '')
    .map((word) => titles[word] ?? word);
}

function spelled(value: number): string {
  const small = [...units, ...teens];
  if (value < 20) return small[value] ?? '';
  if (value < 100) return `${tens[Math.floor(value / 10) - 2]} ${value % 10 ? spelled(value % 10) : ''}`;
  if (value < 1000) return `${spelled(Math.floor(value / 100))} hundred ${value % 100 ? spelled(value % 100) : ''}`;
  if (value >= 1e6) return String(value);
  return `${spelled(Math.floor(value / 1000))} thousand ${value % 1000 ? spelled(value % 1000) : ''}`;
}

function editDistance(wanted: readonly string[], said: readonly string[]): number {
  let before = Array.from({ length: said.length + 1 }, (_, index) => index);
  wanted.forEach((word, row) => {
    const now = [row + 1];
    said.forEach((other, column) => {
      const change = before[column]! + (word === other ? 0 : 1);
      now.push(Math.min(change, before[column + 1]! + 1, now[column]! + 1));
    });
    before = now;
  });
  return before[said.length] ?? 0;
}
