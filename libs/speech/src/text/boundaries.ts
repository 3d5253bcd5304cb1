import { beginsSentences, fullStopAfter } from './abbreviations';

/**
 * A position at which text may be cut. `end` is the first character after the mark and the quotes that close with it.
 */
export interface Cut {
  /** A strong clause mark is a semicolon, colon, dash or ellipsis. A weak one is a comma. */
  readonly kind: 'sentence' | 'strong' | 'weak';
  readonly end: number;
}

/** `none`: no boundary here, and the search continues at `end`. `wait`: the answer depends on later text. */
export type Boundary = Cut | { readonly kind: 'none'; readonly end: number } | { readonly kind: 'wait' };

const wait: Boundary = { kind: 'wait' };
const longestRun = 32;
const longestGap = 64;

const marks = /[.!?…‽؟۔।॥։።。！？｡,;:，、；：،؛—–\-\n]/g;
const terminator = /[.!?…‽؟۔।॥։።。！？｡]/;
const fullWidthTerminator = /[。！？｡]$/;
const fullWidthClauseMark = /[，、；：]/;
const closer = /["'”’»›)\]}」』】）》〉］｝*_]/;
const opener = /["'“‘«‹([{「『【（《〈¿¡*_]/;
const noBreakSpace = /[\u00a0\u202f]/;
const eastAsian = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]/u;
const listMarker = /^(?:[-*•–+]|\d{1,3}[.)]|[A-Za-z][.)]|#{1,6})[^\S\n]/;
const unfinishedListMarker = /^(?:[-*•–+]|\d{1,3}[.)]?|[A-Za-z][.)]?|#{1,6})?$/;

/** Whether text may be cut at this white space. A no-break space does not count. */
export function isGap(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character) && !noBreakSpace.test(character);
}

/** The index of the next character from here on that can be a boundary, or -1. */
export function nextMark(text: string, from: number): number {
  marks.lastIndex = from;
  return marks.exec(text)?.index ?? -1;
}

/**
 * The meaning of the mark at this position. `text` begins where an utterance begins. Unless `final`, more text may
 * follow. Any answer but `wait` is valid for all continuations. After at most 160 more characters the answer is no
 * longer `wait`.
 */
export function boundaryAt(text: string, mark: number, final: boolean): Boundary {
  const character = text[mark] ?? '';
  if (character === '\n') return newlineAt(text, mark, final);
  if (terminator.test(character)) return terminatorAt(text, mark, final);
  if (/[-–—]/.test(character)) return dashAt(text, mark, final);
  return clauseMarkAt(text, mark, final);
}

/**
 * A blank line ends an utterance. The end of a line also ends it if this line or the next is a list item or heading.
 */
function newlineAt(text: string, mark: number, final: boolean): Boundary {
  const lineStart = text.lastIndexOf('\n', mark - 1) + 1;
  if (listMarker.test(text.slice(lineStart, mark))) return { kind: 'sentence', end: mark };
  const next = skip(text, mark + 1, (c) => isGap(c) && c !== '\n', longestGap);
  if (text[next] === '\n') return { kind: 'sentence', end: mark };
  const line = text.slice(next, next + 8);
  if (listMarker.test(line)) return { kind: 'sentence', end: mark };
  return !final && unfinishedListMarker.test(line) ? wait : { kind: 'none', end: mark + 1 };
}

function terminatorAt(text: string, mark: number, final: boolean): Boundary {
  const runEnd = skip(text, mark, (c) => terminator.test(c), longestRun);
  const end = skipClosers(text, runEnd);
  const next = text[end];
  if (next === undefined && !final) return wait;
  const run = text.slice(mark, runEnd);
  const closed = end > runEnd;
  if (fullWidthTerminator.test(run)) {
    const goesOn = closed && next !== undefined && /\p{L}/u.test(next);
    return { kind: goesOn ? 'weak' : 'sentence', end };
  }
  if (next !== undefined && !isGap(next)) {
    const sticks = !/[!?]$/.test(run) || !eastAsian.test(next);
    return { kind: sticks ? 'none' : 'sentence', end };
  }
  if (run === '.' && !closed) return fullStopAt(text, mark, final);
  const trailsOff = /^(?:\.{2,}|…+)$/.test(run);
  if (trailsOff || closed) return ifNotGoingOn(text, end, { final, trailsOff });
  return beforeFrenchQuote(text, mark, end, final);
}

/** In French, white space may precede the closing quote. */
function beforeFrenchQuote(text: string, mark: number, end: number, final: boolean): Boundary {
  const open = text.lastIndexOf('«', mark) > text.lastIndexOf('»', mark);
  if (!open) return { kind: 'sentence', end };
  if (!final && text[end + 1] === undefined) return wait;
  return text[end + 1] === '»' ? ifNotGoingOn(text, end + 2, { final, trailsOff: false }) : { kind: 'sentence', end };
}

/** After an ellipsis or a closing quote, a small letter shows that the sentence goes on. */
function ifNotGoingOn(text: string, end: number, how: { final: boolean; trailsOff: boolean }): Boundary {
  const following = wordAfter(text, end, how.final);
  if (following === undefined) return wait;
  const goesOn = how.trailsOff ? /^(?:\p{Ll}|\p{N}|I$|I['’])/u : /^\p{Ll}/u;
  if (!goesOn.test(following)) return { kind: 'sentence', end };
  return { kind: how.trailsOff ? 'strong' : 'weak', end };
}

function fullStopAt(text: string, mark: number, final: boolean): Boundary {
  const end = mark + 1;
  const word = /[^\s"'“‘«‹([{「『【（《〈¿¡*_/—–]*$/.exec(text.slice(Math.max(0, mark - longestGap), mark))?.[0] ?? '';
  const before = text.slice(0, mark - word.length);
  if (/^(?:\d{1,3}|[A-Za-z])$/.test(word) && /(^|\n)\s*$/.test(before)) return { kind: 'none', end };
  // A letter that was spelled out is not an initial, and neither is "I" after a small letter.
  if (before.endsWith(',\u00a0') || (word === 'I' && /\p{Ll}\s$/u.test(before))) return { kind: 'sentence', end };
  const meaning = fullStopAfter(word);
  if (meaning === 'ends') return { kind: 'sentence', end };
  if (meaning === 'continues') return { kind: 'none', end };
  const following = wordAfter(text, end, final);
  if (following === undefined) return wait;
  const ends = meaning === 'ends-before-starter' ? beginsSentences(following) : !/^\p{N}/u.test(following);
  return { kind: ends || following === '' ? 'sentence' : 'none', end };
}

/** The first word after white space and opening quotes. Empty if there is none, undefined if it may go on. */
function wordAfter(text: string, from: number, final: boolean): string | undefined {
  const start = skip(text, from, (c) => /\s/.test(c) || opener.test(c), longestGap);
  const word = /^[\p{L}\p{M}\p{N}'’]{0,16}/u.exec(text.slice(start, start + longestGap))?.[0] ?? '';
  return !final && start + word.length === text.length ? undefined : word.replace(/['’]$/, '');
}

function dashAt(text: string, mark: number, final: boolean): Boundary {
  const runEnd = skip(text, mark, (c) => /[-–—]/.test(c), longestRun);
  const next = text[runEnd];
  if (next === undefined && !final) return wait;
  const run = text.slice(mark, runEnd);
  const spacedBefore = mark === 0 || isGap(text[mark - 1]);
  const spacedAfter = next === undefined || isGap(next);
  const parts = /—/.test(run) || (run.length > 1 ? spacedAfter || !spacedBefore : spacedBefore && spacedAfter);
  return { kind: parts ? 'strong' : 'none', end: runEnd };
}

function clauseMarkAt(text: string, mark: number, final: boolean): Boundary {
  const character = text[mark] ?? '';
  const end = skipClosers(text, mark + 1);
  const next = text[end];
  if (next === undefined && !final) return wait;
  const betweenDigits = /\p{N}/u.test(text[mark - 1] ?? '') && next !== undefined && /\p{N}/u.test(next);
  const parts =
    next === undefined ||
    isGap(next) ||
    (fullWidthClauseMark.test(character) && !betweenDigits) ||
    (eastAsian.test(next) && /[,;]/.test(character));
  if (!parts) return { kind: 'none', end: mark + 1 };
  return { kind: /[,，、،]/.test(character) ? 'weak' : 'strong', end };
}

/** In French, a no-break space precedes the closing quote. */
function skipClosers(text: string, from: number): number {
  const end = skip(text, from, (c) => closer.test(c), longestRun);
  return noBreakSpace.test(text[end] ?? '') && text[end + 1] === '»' ? end + 2 : end;
}

function skip(text: string, from: number, matches: (character: string) => boolean, atMost: number): number {
  let end = from;
  while (end < text.length && end < from + atMost && matches(text[end] ?? '')) end++;
  return end;
}
