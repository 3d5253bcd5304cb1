import { SpeechError } from '../speech-error';
import { isSpeakable } from './speakable';
import { TagReader } from './tags';
import { utteranceEnd, type UtteranceLimits } from './utterance-end';

/** A part of a transcript. */
export type TextPiece =
  /** Text that is synthesised at once. It contains a letter or a digit. */
  | { readonly kind: 'utterance'; readonly text: string }
  /** A pause of at most 10 s. */
  | { readonly kind: 'break'; readonly durationMs: number };

/** Utterances are short enough to be heard soon and long enough to sound natural. */
const defaultUtteranceLimits: UtteranceLimits = {
  firstClauseMinCharacters: 12,
  firstClauseMaxCharacters: 40,
  secondUtteranceMaxCharacters: 120,
  maxUtteranceCharacters: 250,
};

/**
 * Number of processed characters that are dropped at once. Dropping them for every utterance would take seconds for a
 * book.
 */
const compactAfterCharacters = 4096;

/**
 * Cuts the text of one context into utterances as it arrives. The pieces of a text that is flushed at its end do not
 * depend on how it was pushed. They contain the whole text in order, except tags, white space around a piece, and text
 * without a letter or digit that has no neighbour to join. No-break spaces become plain ones.
 */
export class TextSplitter {
  private readonly limits: UtteranceLimits;
  private readonly tags = new TagReader();
  private text = '';
  private breaks: { readonly at: number; readonly piece: TextPiece }[] = [];
  /** The begin of what is pending, in the text and in the breaks. */
  private start = 0;
  private firstBreak = 0;
  private utterances = 0;

  constructor(limits: Partial<UtteranceLimits> = {}) {
    this.limits = { ...defaultUtteranceLimits, ...limits };
    if (!(this.limits.maxUtteranceCharacters >= 16)) throw new SpeechError('Utterances need at least 16 characters');
  }

  /** Adds text and returns the pieces that no later text can change. */
  push(text: string): TextPiece[] {
    for (const marked of this.tags.push(text)) {
      if (marked.kind === 'break') this.breaks.push({ at: this.text.length, piece: marked });
      else this.text += marked.text;
    }
    return this.drain(false);
  }

  /** Returns the rest. The context may go on. Only the beginning of a tag is held back until the tag is complete. */
  flush(): TextPiece[] {
    return this.drain(true);
  }

  private drain(final: boolean): TextPiece[] {
    const pieces: TextPiece[] = [];
    for (;;) {
      const next = this.breaks[this.firstBreak];
      this.skipGap(next?.at ?? this.text.length);
      if (next?.at === this.start) {
        pieces.push(next.piece);
        this.firstBreak++;
        continue;
      }
      const length = this.nextLength(this.text.slice(this.start, next?.at), final || next !== undefined);
      if (length === undefined) break;
      const utterance = this.take(length);
      if (utterance) pieces.push(utterance);
    }
    this.compact();
    return pieces;
  }

  private skipGap(end: number): void {
    while (this.start < end && /\s/.test(this.text[this.start] ?? '')) this.start++;
  }

  /** Searches first as if more text followed, so that a break or flush does not change the pieces before it. */
  private nextLength(text: string, final: boolean): number | undefined {
    if (text === '') return undefined;
    const end = utteranceEnd(text, this.utterances, this.limits, false);
    return end === undefined && final ? utteranceEnd(text, this.utterances, this.limits, true) : end;
  }

  private take(length: number): TextPiece | undefined {
    const raw = this.text.slice(this.start, this.start + length).trimEnd();
    this.start += length;
    const text = raw.replace(/[\u00a0\u202f]/g, ' ');
    if (!isSpeakable(text)) return undefined;
    this.utterances++;
    return { kind: 'utterance', text };
  }

  private compact(): void {
    if (this.start < compactAfterCharacters && this.start < this.text.length) return;
    this.text = this.text.slice(this.start);
    this.breaks = this.breaks.slice(this.firstBreak).map(({ at, piece }) => ({ at: at - this.start, piece }));
    this.start = 0;
    this.firstBreak = 0;
  }
}
