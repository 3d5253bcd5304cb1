import { pcmBytesPerSample } from '@app/speech/audio';
import type { AudioFormat } from './audio-output';
import type { ContextClient, ContextEvent } from './context-events';
import { Playback } from './playback';
import type { TtsMeasures } from './tts-measures';

/** Largest piece of audio in one message. As base64 in JSON it is far below the 1 MiB that clients accept. */
const maxChunkBytes = 192 * 1024;
/** Held audio is sent in pieces of this length, so that pauses between messages are no longer than this. */
const pieceMs = 1_000;
/** Interval at which the backlog of a client is checked, in milliseconds. */
export const backlogPollMs = 100;

/** An event that may have to wait before it is sent. */
export type MadeEvent =
  | { readonly type: 'audio'; readonly bytes: Buffer }
  | Extract<ContextEvent, { type: 'words' | 'phonemes' | 'flushed' }>;

/**
 * The events of a context that were made and not sent. They are sent in order. Audio is sent as long as the client has
 * no more than `aheadMs` unplayed. The rest is sent in pieces of a second while the client plays.
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
  /** Milliseconds from the request to the latest audio. */
  private lastAudioAfterMs = 0;
  private timer: NodeJS.Timeout | undefined;

  /**
   * `aheadMs`: Infinity sends everything at once, and less than a piece counts as a piece. `onRoom` is called when more
   * can be sent.
   */
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

  /** Length of the audio that is held here. */
  get heldMs(): number {
    return this.heldBytes / this.bytesPerMs;
  }

  /** Length of the audio that was sent and that the client cannot have played yet. */
  get unplayedMs(): number {
    return this.playback.aheadMs();
  }

  /** Length of all audio sent. */
  get sentMs(): number {
    return this.sentBytes / this.bytesPerMs;
  }

  /** Samples of all audio sent, in the client's format. */
  get sentSamples(): number {
    return this.sentBytes / this.bytesPerSample;
  }

  /** Whether audio is held back because the client has enough. */
  get isPaced(): boolean {
    return this.aheadMs !== Infinity;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Returns the number of a new flush. */
  announceFlush(): number {
    return ++this.flushesAnnounced;
  }

  put(event: MadeEvent): void {
    if (event.type === 'audio') this.heldBytes += event.bytes.length;
    this.waiting.push(event);
  }

  /** Sends what can be sent now. `onRoom` is called when more can be sent. */
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

  /** Stops holding back audio. */
  unpace(): void {
    this.aheadMs = Infinity;
  }

  /** Drops all events that were not sent. */
  clear(): void {
    clearTimeout(this.timer);
    this.waiting.length = 0;
    this.heldBytes = 0;
  }

  /** The part of the audio that can be sent now. */
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
