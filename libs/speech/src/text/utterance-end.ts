import { boundaryAt, type Cut, isGap, nextMark } from './boundaries';
import { isSpeakable } from './speakable';

/** Lengths in UTF-16 code units. */
export interface UtteranceLimits {
  /** The first utterance ends at the first clause boundary after this much text. */
  readonly firstClauseMinCharacters: number;
  /**
   * If there is no such boundary within this much text, the first utterance ends before a conjunction in it. 0 disables
   * this rule.
   */
  readonly firstClauseMaxCharacters: number;
  /**
   * The second utterance ends at a clause boundary if it would be longer than this, so that it is ready when the first
   * has been played.
   */
  readonly secondUtteranceMaxCharacters: number;
  /** Longest utterance. A longer sentence is cut at a clause boundary, or at white space. */
  readonly maxUtteranceCharacters: number;
}

const conjunctions =
  'and|but|or|so|because|while|although|though|which|who|when|where|until|unless|since|' +
  'und|aber|oder|weil|et|mais|parce|pero|porque|sino';
const beforeConjunction = new RegExp(`[^\\S\\u00a0\\u202f](?=(?:${conjunctions})\\s)`, 'giu');
/** Longer than any conjunction with the white space around it. */
const conjunctionLookahead = 16;
/** Number of characters after the longest utterance that the choice of a cut between words considers. */
const wordLookahead = 64;
/** Characters with which an utterance does not begin if it is cut between words. */
const staysBehind = /[\s\p{Pe}\p{Pf}.,;:!?…،。、，；：！？]/u;
/** A boundary never waits for this many characters. */
const boundaryLookahead = 256;
const words = new Intl.Segmenter('und', { granularity: 'word' });
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

interface Search {
  readonly text: string;
  /** Whether the text is complete. */
  readonly final: boolean;
  readonly first: boolean;
  readonly soft: number;
  readonly limits: UtteranceLimits;
}

type End = number | 'wait' | 'none';

/**
 * The end of the utterance that begins at 0. It depends on the text alone, and an answer is valid for all
 * continuations. Undefined if it depends on later text. `nth` is the number of utterances before it.
 */
export function utteranceEnd(text: string, nth: number, limits: UtteranceLimits, final: boolean): number | undefined {
  const window = text.slice(0, limits.maxUtteranceCharacters + boundaryLookahead);
  const search: Search = {
    text: window,
    final: final && window.length === text.length,
    first: nth === 0 && limits.firstClauseMaxCharacters > 0,
    soft: softLimit(nth, limits),
    limits,
  };
  for (const attempt of [endWithinSoftLimit, endWithinHardLimit, endBetweenWords]) {
    const end = attempt(search);
    if (end === 'wait') return undefined;
    if (end !== 'none') return end;
  }
  return undefined;
}

function softLimit(nth: number, limits: UtteranceLimits): number {
  const max = limits.maxUtteranceCharacters;
  if (nth === 0 && limits.firstClauseMaxCharacters > 0) return Math.min(limits.firstClauseMaxCharacters, max);
  return nth <= 1 ? Math.min(limits.secondUtteranceMaxCharacters, max) : max;
}

/** The end of the sentence, or of the first clause of the first utterance. Without these, the best clause boundary. */
function endWithinSoftLimit(search: Search): End {
  const { text, final, first, soft, limits } = search;
  const clauses: Cut[] = [];
  for (const cut of cuts(text, final, soft)) {
    if (cut === 'wait') return 'wait';
    if (cut.end > soft) break;
    if (!isSpeakable(text.slice(0, cut.end))) continue;
    if (cut.kind === 'sentence' || (first && cut.end >= limits.firstClauseMinCharacters)) return cut.end;
    clauses.push(cut);
  }
  if (fits(search, soft)) return text.length;
  if (!final && text.length < soft + conjunctionLookahead) return 'wait';
  return bestClause(search, clauses);
}

/** The next boundary of any kind. */
function endWithinHardLimit(search: Search): End {
  const { text, final, soft } = search;
  const max = search.limits.maxUtteranceCharacters;
  for (const cut of cuts(text, final, max)) {
    if (cut === 'wait') return 'wait';
    if (cut.end > max) break;
    if (cut.end > soft && isSpeakable(text.slice(0, cut.end))) return cut.end;
  }
  if (fits(search, max)) return text.length;
  return !final && text.length < max + wordLookahead ? 'wait' : 'none';
}

function fits({ text, final }: Search, limit: number): boolean {
  return final && text.trimEnd().length <= limit;
}

/** The last strong mark of the second half, or the last mark or conjunction of the last two thirds. */
function bestClause({ text, first, soft, limits }: Search, clauses: readonly Cut[]): End {
  const least = first ? limits.firstClauseMinCharacters : soft / 3;
  const strong = clauses.findLast((cut) => cut.kind === 'strong' && cut.end >= soft / 2);
  const any = clauses.findLast((cut) => cut.end >= least);
  if (strong ?? any) return (strong ?? any)?.end ?? 'none';
  const places = [...text.slice(0, soft + conjunctionLookahead).matchAll(beforeConjunction)].map(({ index }) => index);
  return places.findLast((place) => place >= least && place <= soft) ?? 'none';
}

/**
 * White space that no closing punctuation follows, also between spelled letters. Without any, the end of a word or
 * character.
 */
function endBetweenWords({ text, limits }: Search): number {
  const max = limits.maxUtteranceCharacters;
  for (let place = max; place > 0; place--) {
    const spelled = text[place] === '\u00a0' && text[place - 1] === ',';
    if (spelled || (isGap(text[place]) && !staysBehind.test(text[place + 1] ?? ''))) return place;
  }
  const local = text.slice(0, max + wordLookahead);
  return lastStart(words, local, max) || lastStart(graphemes, local, max) || max;
}

/** The start of the last segment that begins within the limit. */
function lastStart(segmenter: Intl.Segmenter, text: string, limit: number): number {
  let start = 0;
  for (const { index } of segmenter.segment(text)) {
    if (index > limit) break;
    if (!staysBehind.test(text[index] ?? '')) start = index;
  }
  return start;
}

function* cuts(text: string, final: boolean, lastMark: number): Generator<Cut | 'wait'> {
  for (let mark = nextMark(text, 0); mark >= 0 && mark <= lastMark;) {
    const boundary = boundaryAt(text, mark, final);
    if (boundary.kind === 'wait') {
      yield 'wait';
      return;
    }
    if (boundary.kind !== 'none') yield { kind: boundary.kind, end: boundary.end };
    mark = nextMark(text, Math.max(boundary.end, mark + 1));
  }
}
