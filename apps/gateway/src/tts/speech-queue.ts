import type { AudioTrack } from './audio-track';
import { PendingText, sliceCharacters, type TextItem } from './pending-text';
import type { TtsMeasures } from './tts-measures';
import { Utterance, type UtteranceObserver } from './utterance';

/** Most utterances of one context that are published and not complete. */
const maxOutstanding = 2;
/** Text is split until this many utterances wait to be published. */
const fewUnpublished = 4;
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

/**
 * The text, utterances, pauses and flushes of a context that are not made yet, in order. Text is split only as far as
 * utterances are needed, and a little at a time, so that a long text holds up nobody.
 */
export class SpeechQueue {
  private readonly items: Item[] = [];
  private readonly text = new PendingText();
  private utterances = 0;
  /** Continues to split after others have run. */
  private nextTurn: NodeJS.Immediate | undefined;

  constructor(
    private readonly observer: UtteranceObserver,
    private readonly measures: TtsMeasures,
  ) {}

  get isEmpty(): boolean {
    return this.items.length === 0 && this.text.isEmpty;
  }

  push(text: string): void {
    this.text.push(text);
    this.fill();
  }

  /** Makes an utterance of the text that waits for more. */
  splitRest(): void {
    this.text.splitRest();
    this.fill();
  }

  /** Adds a flush after an utterance of the text that waits for more. */
  flush(flushId: number): void {
    this.text.flush(flushId);
    this.fill();
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
    this.fill();
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
    clearImmediate(this.nextTurn);
    this.text.clear();
    for (const item of this.items.splice(0)) if (item.type === 'utterance') item.utterance.cancel(reason);
  }

  /** Splits text as far as it is needed, but only a slice in a turn. The observer is told of the later ones. */
  private fill(): void {
    if (this.nextTurn) return;
    let characters = 0;
    while (this.needsText) {
      if (characters >= sliceCharacters) return this.fillLater();
      const { items, cost } = this.text.take();
      for (const item of items) this.add(item);
      characters += cost;
    }
  }

  private fillLater(): void {
    this.nextTurn = setImmediate(() => {
      this.nextTurn = undefined;
      this.fill();
      this.observer.changed();
    });
  }

  private get needsText(): boolean {
    if (this.text.isEmpty) return false;
    const waiting = this.items.filter((item) => item.type === 'utterance' && !item.utterance.isPublished);
    return waiting.length < fewUnpublished;
  }

  private add(item: TextItem): void {
    if (item.kind === 'flush') return void this.items.push({ type: 'flush', flushId: item.flushId });
    if (this.utterances === 0) this.measures.firstUtterance();
    if (item.kind === 'break') return void this.items.push({ type: 'pause', remainingMs: item.durationMs });
    const utterance = new Utterance(item.text, this.observer, this.measures);
    this.items.push({ type: 'utterance', utterance, index: this.utterances++, begun: false });
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
