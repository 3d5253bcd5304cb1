import { splitWords } from '../../text/words';

/** A part of a word that is phonemized as one; most words are one token, `yes—no` is two. */
export interface Token {
  readonly text: string;
  /** Index of the word in the text. */
  readonly word: number;
}

/** Text up to a pause, and the mark that stands for the pause in the voice's input; empty where the text just ends. */
export interface Clause {
  readonly tokens: readonly Token[];
  readonly terminator: '' | ',' | ';' | ':' | '.' | '!' | '?';
}

/** The words of an utterance as they stand in it, and its clauses. */
export interface ParsedUtterance {
  readonly words: readonly string[];
  readonly clauses: readonly Clause[];
}

const innerPause = /(?<=[—–…]|\.{3})(?=[^\s—–….])/u;
const closing = '["\'”’»)\\]}*_]*';
const pauseAtEnd = new RegExp(`([,;:.!?…—–]+)${closing}$`, 'u');
const abbreviation =
  /^["'“‘([]*(?:(?:\p{L}\.)+|(?:mr|mrs|ms|dr|prof|st|sr|jr|rev|gen|col|capt|lt|sgt|gov|sen|rep|hon|vs|no|vol|fig|approx|inc|ltd|co|corp|dept|est)\.)$/iu;

/** Finds the pauses of an utterance the way eSpeak does, but not after an abbreviation. */
export function parseClauses(text: string): ParsedUtterance {
  const words = splitWords(text);
  const tokens = words.flatMap((word, index) => word.split(innerPause).map((part) => ({ text: part, word: index })));
  const clauses: Clause[] = [];
  let open: Token[] = [];
  tokens.forEach((token, index) => {
    open.push(token);
    const terminator = terminatorOf(token.text, index === tokens.length - 1);
    if (terminator === '') return;
    clauses.push({ tokens: open, terminator });
    open = [];
  });
  if (open.length > 0) clauses.push({ tokens: open, terminator: '' });
  return { words, clauses };
}

function terminatorOf(token: string, last: boolean): Clause['terminator'] {
  const marks = pauseAtEnd.exec(token)?.[1];
  if (marks === undefined || (marks === '.' && !last && abbreviation.test(token))) return '';
  if (marks.includes('?')) return '?';
  if (marks.includes('!')) return '!';
  if (/[…—–]|\.{3}/.test(marks)) return ';';
  const mark = marks.at(-1);
  return mark === ',' || mark === ';' || mark === ':' ? mark : '.';
}
