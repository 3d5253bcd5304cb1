import { pcmBytesPerSample } from '@app/speech/audio';
import type { AudioFormat } from './audio-output';
import type { ContextClient, ContextEvent } from './context-events';
import { Playback } from './playback';
import type { TtsMeasures } from './tts-measures';

/** A piece of audio on the wire; as base64 in JSON it stays far below the 1 MiB that clients accept. */
const maxChunkBytes = 192 * 1024;
/** Held audio leaves in pieces of this length, so that a client never hears nothing for longer. */
const pieceMs = 1_000;
/** How soon to look again whether a client that does not read has taken something. */
export const backlogPollMs = 100;

/** An event that was made and may have to wait. */
export type MadeEvent =
  | { readonly type: 'audio'; readonly bytes: Buffer }
  | Extract<ContextEvent, { type: 'words' | 'phonemes' | 'flushed' }>;

/**
 * What of a context was made and has not been sent. It leaves in order. Audio leaves as soon as the client has no more than
 * `aheadMs` unplayed, and the rest in pieces of a second as the client plays.
 */
export class Outbox {
  private readonly waiting: MadeEvent[] = [];
  private readonly playback = new Playback();
  private readonly bytesPerMs: number;
  private readonly bytesPerSample: number;
  private heldBytes = 0;
  private sentBytes = 0;
  private flushesAnnounced = 0;
  private flushesSent = 0;
  /** Since the request came. */
  private lastAudioAfterMs = 0;
  private timer: NodeJS.Timeout | undefined;

  /** `aheadMs`: Infinity sends all at once; less than a piece counts as a piece. `onRoom` is called when more may leave. */
  constructor(
    format: AudioFormat,
    private aheadMs: number,
    private readonly client: ContextClient,
    private readonly measures: TtsMeasures,
    private readonly onRoom: () => void,
  ) {
    this.aheadMs = Math.max(aheadMs, pieceMs);
    this.bytesPerSample = pcmBytesPerSample[format.encoding];
    this.bytesPerMs = (this.bytesPerSample * format.sampleRateHz) / 1000;
  }

  /** Audio that is here and was not sent. */
  get heldMs(): number {
    return this.heldBytes / this.bytesPerMs;
  }

  /** Audio that was sent and cannot have been played yet. */
  get unplayedMs(): number {
    return this.playback.aheadMs();
  }

  /** Length of all audio sent. */
  get sentMs(): number {
    return this.sentBytes / this.bytesPerMs;
  }

  /** Whether audio is held back while the client has enough. */
  get isPaced(): boolean {
    return this.aheadMs !== Infinity;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Number of a flush that was asked for just now. */
  announceFlush(): number {
    return ++this.flushesAnnounced;
  }

  put(event: MadeEvent): void {
    if (event.type === 'audio') this.heldBytes += event.bytes.length;
    this.waiting.push(event);
  }

  /** Sends what may leave now; `onRoom` follows once more may. */
  release(): void {
    clearTimeout(this.timer);
    for (let head = this.waiting[0]; head; head = this.waiting[0]) {
      const piece = head.type === 'audio' ? this.pieceOf(head.bytes) : head;
      if (!piece) return this.wait();
      if (piece.type === 'audio' && head.type === 'audio' && piece.bytes.length < head.bytes.length) {
        this.waiting[0] = { type: 'audio', bytes: head.bytes.subarray(piece.bytes.length) };
      } else this.waiting.shift();
      this.send(piece);
    }
  }

  /** From now on nothing is held back. */
  unpace(): void {
    this.aheadMs = Infinity;
  }

  /** Drops what was not sent. */
  clear(): void {
    clearTimeout(this.timer);
    this.waiting.length = 0;
    this.heldBytes = 0;
  }

  /** As much of the audio as may leave now. */
  private pieceOf(bytes: Buffer): Extract<MadeEvent, { type: 'audio' }> | undefined {
    if (!this.isPaced) return { type: 'audio', bytes };
    const roomMs = this.aheadMs - this.unplayedMs;
    if (this.client.backlogged || roomMs < Math.min(pieceMs, this.heldMs)) return undefined;
    const roomBytes = Math.floor((roomMs * this.bytesPerMs) / this.bytesPerSample) * this.bytesPerSample;
    return roomBytes === 0 ? undefined : { type: 'audio', bytes: bytes.subarray(0, roomBytes) };
  }

  private wait(): void {
    const playMs = this.unplayedMs + Math.min(pieceMs, this.heldMs) - this.aheadMs;
    this.timer = setTimeout(this.onRoom, this.client.backlogged ? backlogPollMs : Math.max(1, Math.ceil(playMs)));
  }

  private send(event: MadeEvent): void {
    if (event.type === 'audio') return this.sendAudio(event.bytes);
    if (event.type === 'flushed') this.flushesSent = event.flushId;
    this.client.receive(event);
  }

  private sendAudio(bytes: Buffer): void {
    const sinceReceivedMs = this.measures.sinceReceived();
    const stepTimeMs = sinceReceivedMs - this.lastAudioAfterMs;
    this.lastAudioAfterMs = sinceReceivedMs;
    this.measures.firstAudio();
    this.heldBytes -= bytes.length;
    this.sentBytes += bytes.length;
    this.playback.sent(bytes.length / this.bytesPerMs);
    const flushId = this.flushesAnnounced > 0 ? this.flushesSent + 1 : undefined;
    for (let at = 0; at < bytes.length; at += maxChunkBytes) {
      this.client.receive({ type: 'audio', bytes: bytes.subarray(at, at + maxChunkBytes), flushId, stepTimeMs });
    }
  }
}
