import type { TextPiece } from '@app/speech/text';
import type { AudioTrack } from './audio-track';
import type { TtsMeasures } from './tts-measures';
import { Utterance, type UtteranceObserver } from './utterance';

/** Most utterances of one context that are published and not complete. */
const maxOutstanding = 2;
/** A pause is made in pieces of this length. */
const pausePieceMs = 1_000;

type UtteranceItem = {
  readonly type: 'utterance';
  readonly utterance: Utterance;
  readonly index: number;
  begun: boolean;
};
type Item =
  | UtteranceItem
  | { readonly type: 'pause'; remainingMs: number }
  | { readonly type: 'flush'; readonly flushId: number };

/** The utterances, pauses and flushes of a context that are not made yet, in order. */
export class SpeechQueue {
  private readonly items: Item[] = [];
  private utterances = 0;

  constructor(
    private readonly observer: UtteranceObserver,
    private readonly measures: TtsMeasures,
  ) {}

  get isEmpty(): boolean {
    return this.items.length === 0;
  }

  add(pieces: readonly TextPiece[]): void {
    if (this.utterances === 0 && pieces.length > 0) this.measures.firstUtterance();
    for (const piece of pieces) {
      if (piece.kind === 'break') this.items.push({ type: 'pause', remainingMs: piece.durationMs });
      else {
        const utterance = new Utterance(piece.text, this.observer, this.measures);
        this.items.push({ type: 'utterance', utterance, index: this.utterances++, begun: false });
      }
    }
  }

  addFlush(flushId: number): void {
    this.items.push({ type: 'flush', flushId });
  }

  /** Whether the first item is a pause. No worker limits how fast a pause is made. */
  get isAtPause(): boolean {
    return this.items[0]?.type === 'pause';
  }

  /** Moves the audio that has arrived for the first item to the track. Returns true if more can be moved now. */
  moveTo(track: AudioTrack): boolean {
    const item = this.items[0];
    if (!item) return false;
    if (isMoved(item, track)) this.items.shift();
    else if (item.type === 'utterance') return false;
    return this.items.length > 0;
  }

  /**
   * The next utterance to publish. Undefined if the audio before it is longer than the limit or too many utterances are
   * published. `madeMs` is the length of the audio that has left this queue and was not played.
   */
  nextToPublish(
    madeMs: number,
    limitMs: number,
  ): { readonly utterance: Utterance; readonly index: number; readonly bufferedMs: number } | undefined {
    let outstanding = 0;
    let bufferedMs = madeMs;
    for (const item of this.items) {
      if (item.type === 'pause') bufferedMs += item.remainingMs;
      if (item.type !== 'utterance') continue;
      const { utterance, index } = item;
      if (!utterance.isPublished) {
        return outstanding < maxOutstanding && bufferedMs <= limitMs ? { utterance, index, bufferedMs } : undefined;
      }
      // The deadline of the next utterance depends on the length of this one.
      if (utterance.isOutstanding && !utterance.plan) return undefined;
      if (utterance.isOutstanding) outstanding++;
      bufferedMs += utterance.untakenMs;
    }
    return undefined;
  }

  /** Cancels all utterances and empties the queue. */
  cancel(reason: string): void {
    for (const item of this.items.splice(0)) if (item.type === 'utterance') item.utterance.cancel(reason);
  }
}

/** Moves the available audio of an item to the track, of a pause at most a piece. Returns true if the item is complete. */
function isMoved(item: Item, track: AudioTrack): boolean {
  switch (item.type) {
    case 'utterance':
      return isUtteranceMoved(item, track);
    case 'pause': {
      const pieceMs = Math.min(item.remainingMs, pausePieceMs);
      track.pause(pieceMs);
      item.remainingMs -= pieceMs;
      return item.remainingMs === 0;
    }
    case 'flush':
      track.flush(item.flushId);
      return true;
  }
}

function isUtteranceMoved(item: UtteranceItem, track: AudioTrack): boolean {
  const { plan } = item.utterance;
  if (!plan) return false;
  if (!item.begun) track.beginUtterance(plan);
  item.begun = true;
  for (const samples of item.utterance.take()) track.add(samples);
  if (!item.utterance.isComplete) return false;
  track.endUtterance(plan);
  return true;
}
