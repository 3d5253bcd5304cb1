import type { TextPiece } from '@app/speech/text';
import type { AudioTrack } from './audio-track';
import type { TtsMeasures } from './tts-measures';
import { Utterance, type UtteranceObserver } from './utterance';

/** Most utterances of one context that are published and not complete. */
const maxOutstanding = 2;

type UtteranceItem = {
  readonly type: 'utterance';
  readonly utterance: Utterance;
  readonly index: number;
  begun: boolean;
};
type Item =
  | UtteranceItem
  | { readonly type: 'pause'; readonly durationMs: number }
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
      if (piece.kind === 'break') this.items.push({ type: 'pause', durationMs: piece.durationMs });
      else {
        const utterance = new Utterance(piece.text, this.observer, this.measures);
        this.items.push({ type: 'utterance', utterance, index: this.utterances++, begun: false });
      }
    }
  }

  addFlush(flushId: number): void {
    this.items.push({ type: 'flush', flushId });
  }

  /** Moves the audio that has arrived to the track, in order, up to the first utterance that is not complete. */
  moveTo(track: AudioTrack): void {
    while (this.items[0] && moved(this.items[0], track)) this.items.shift();
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

/** Moves the available audio of an item to the track. Returns true if the item is complete. */
function moved(item: Item, track: AudioTrack): boolean {
  switch (item.type) {
    case 'utterance':
      return movedUtterance(item, track);
    case 'pause':
      track.pause(item.durationMs);
      return true;
    case 'flush':
      track.flush(item.flushId);
      return true;
  }
}

function movedUtterance(item: UtteranceItem, track: AudioTrack): boolean {
  const { plan } = item.utterance;
  if (!plan) return false;
  if (!item.begun) track.beginUtterance(plan);
  item.begun = true;
  for (const samples of item.utterance.take()) track.add(samples);
  if (!item.utterance.isComplete) return false;
  track.endUtterance(plan);
  return true;
}
