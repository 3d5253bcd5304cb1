import { beginsSentences, fullStopAfter } from '../../text/abbreviations';
import { splitWords } from '../../text/words';

/** A part of a word that is phonemized alone. Most words are one token, `yes—no` is two. */
export interface Token {
  readonly text: string;
  /** Index of the word in the text. */
  readonly word: number;
}

/**
 * Text up to a pause, and the mark for the pause in the voice's input. The mark is empty if the text ends without a
 * pause.
 */
export interface Clause {
  readonly tokens: readonly Token[];
  readonly terminator: '' | ',' | ';' | ':' | '.' | '!' | '?';
}

/** The words of an utterance as they are written, and its clauses. */
export interface ParsedUtterance {
  readonly words: readonly string[];
  readonly clauses: readonly Clause[];
}

const innerPause = /(?<=[—–…]|\.{3})(?=[\p{L}\p{N}])/u;
const closing = '["\'”’»)\\]}*_]*';
const outside = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;
const pauseAtEnd = new RegExp(`([,;:.!?…—–]+)${closing}$`, 'u');

/** Finds the pauses of an utterance in the same way as eSpeak, except after abbreviations. */
export function parseClauses(text: string): ParsedUtterance {
  const words = splitWords(text);
  const tokens = words.flatMap((word, index) => word.split(innerPause).map((part) => ({ text: part, word: index })));
  const clauses: Clause[] = [];
  let open: Token[] = [];
  tokens.forEach((token, index) => {
    open.push(token);
    const terminator = terminatorOf(token.text, tokens[index + 1]?.text);
    if (terminator === '') return;
    clauses.push({ tokens: open, terminator });
    open = [];
  });
  if (open.length > 0) clauses.push({ tokens: open, terminator: '' });
  return { words, clauses };
}

function terminatorOf(token: string, next: string | undefined): Clause['terminator'] {
  const marks = pauseAtEnd.exec(token)?.[1];
  if (marks === undefined) return '';
  if (marks.includes('?')) return '?';
  if (marks.includes('!')) return '!';
  if (/[…—–]|\.{3}/.test(marks)) return ';';
  const mark = marks.at(-1);
  if (mark === ',' || mark === ';' || mark === ':') return mark;
  return next === undefined || endsSentence(token, next) ? '.' : '';
}

/** Whether a full stop in the middle of an utterance is a pause. */
function endsSentence(token: string, next: string): boolean {
  const word = token.replace(outside, '');
  const follower = next.replace(outside, '');
  switch (fullStopAfter(word)) {
    case 'ends':
      return true;
    case 'continues':
      return false;
    case 'ends-before-starter':
      return beginsSentences(follower);
    case 'continues-before-number':
      return !/^\p{N}/u.test(follower);
  }
}
