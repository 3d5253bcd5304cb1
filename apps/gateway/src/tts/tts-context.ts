import type { JobRequest } from '@app/broker';
import { laneClasses, ProblemError, type Lane } from '@app/protocol';
import type { CancelReason, RequestScope, WorkEnd } from '../scope/request-scope';
import type { Use } from '../usage/usage-record';
import { AudioTrack } from './audio-track';
import type { ContextClient } from './context-events';
import { backlogPollMs, Outbox } from './outbox';
import { utteranceSeed } from './seed';
import { SpeechQueue } from './speech-queue';
import { TtsMeasures } from './tts-measures';
import type { TtsSettings } from './tts-request';

/** The limits of a context. If both audio limits are Infinity, only the client's reading paces it. */
export interface ContextLimits {
  /** Longest unplayed audio at the client, in milliseconds. */
  readonly aheadMs: number;
  /**
   * Longest audio held here beyond that, in milliseconds. No further utterance is published while more is made or
   * expected.
   */
  readonly heldMs: number;
  /** Milliseconds without text or audio after which an open context ends. */
  readonly expiryMs: number;
  readonly maxCharacters: number;
}

/** The work that is allowed before the request is admitted: none, or work whose audio is not sent yet. */
type Permit = 'none' | 'work' | 'speech';

type State =
  /** More text may arrive. */
  | { readonly name: 'open'; readonly permit: Permit }
  /** The text is complete. The rest of it is being spoken. */
  | { readonly name: 'closed'; readonly permit: Permit }
  | { readonly name: 'ended' };

/**
 * One text that is spoken as a unit. Pieces of text go in and events come out in order. `ended` is the last event,
 * occurs once and comes after the usage record is stored. At most two utterances are published at the same time. Nothing is published before
 * `begin`, and nothing is sent before `admit`.
 */
export class TtsContext {
  private state: State = { name: 'open', permit: 'none' };
  private readonly lane: Lane;
  private readonly measures: TtsMeasures;
  private readonly queue: SpeechQueue;
  private readonly outbox: Outbox;
  private readonly track: AudioTrack;
  private characters = 0;
  private bufferTimer: NodeJS.Timeout | undefined;
  private expiryTimer: NodeJS.Timeout | undefined;
  private backlogTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly scope: RequestScope,
    private readonly settings: TtsSettings,
    private readonly client: ContextClient,
    private readonly limits: ContextLimits,
  ) {
    const { model } = settings.voice;
    this.lane = { kind: 'tts', model };
    this.measures = new TtsMeasures(scope.metrics, model, this.lane, scope.receivedAtMs);
    const observer = { changed: () => this.advance(), failed: (problem: ProblemError) => this.fail(problem) };
    this.queue = new SpeechQueue(observer, this.measures);
    this.outbox = new Outbox(settings.format, limits.aheadMs, client, this.measures, () => this.advance());
    this.track = new AudioTrack(settings, this.outbox);
    scope.whenCallerGone(() => this.cancel('disconnected'));
  }

  /** Whether no more text can arrive. */
  get isClosed(): boolean {
    return this.state.name !== 'open';
  }

  /** Adds text, joined directly to the text before it. */
  push(text: string): void {
    if (this.state.name !== 'open') return;
    this.measures.text();
    if (this.characters + text.length > this.limits.maxCharacters) {
      const detail = `A context may have at most ${this.limits.maxCharacters} characters.`;
      return this.fail(new ProblemError('too_large', { detail }));
    }
    this.characters += text.length;
    this.queue.push(text);
    clearTimeout(this.bufferTimer);
    this.bufferTimer = setTimeout(() => this.onBufferDelay(), this.settings.maxBufferDelayMs);
    this.advance();
  }

  /** Speaks the text so far and emits `flushed` when its audio has been sent. */
  flush(): void {
    if (this.state.name !== 'open') return;
    clearTimeout(this.bufferTimer);
    this.queue.flush(this.outbox.announceFlush());
    this.advance();
  }

  /** Ends the text. The rest is spoken, then the context is done. */
  close(): void {
    if (this.state.name !== 'open') return;
    this.splitRest();
    this.state = { name: 'closed', permit: this.state.permit };
    this.advance();
  }

  /** Allows work while the license app is still being asked. */
  begin(): void {
    this.permit('work');
  }

  /** Allows sending: the request was admitted. From now on its end has a usage record. */
  admit(): void {
    this.scope.measure(() => this.use());
    this.permit('speech');
  }

  cancel(reason: CancelReason): void {
    this.end({ outcome: 'cancelled', reason });
  }

  fail(problem: ProblemError): void {
    this.end({ outcome: 'error', problem });
  }

  /** Call this when the client has read something. Work continues if it can. */
  wake(): void {
    this.advance();
  }

  /** Sends audio as soon as it is made from now on, because this server stops soon. */
  unpace(): void {
    this.outbox.unpace();
    this.advance();
  }

  private permit(permit: Permit): void {
    if (this.state.name === 'ended') return;
    this.state = { name: this.state.name, permit };
    this.advance();
  }

  private onBufferDelay(): void {
    this.splitRest();
    this.advance();
  }

  /** Makes an utterance of the text that waits for more. */
  private splitRest(): void {
    clearTimeout(this.bufferTimer);
    this.queue.splitRest();
  }

  /** Sends and publishes what is allowed. Ends or rests the context when nothing is left. */
  private advance(): void {
    if (this.state.name === 'ended' || this.state.permit === 'none') return;
    if (this.state.permit === 'speech') this.deliver();
    // The client may have ended the context during the call.
    if (this.hasEnded()) return;
    if (this.queue.isEmpty && this.outbox.isEmpty) return this.onNothingLeft(this.state);
    clearTimeout(this.expiryTimer);
    try {
      this.scope.enter();
    } catch (error) {
      return this.fail(ProblemError.from(error));
    }
    this.publish();
  }

  /** Makes and sends audio. Pauses wait for room, because a few bytes of text can ask for hours of them. */
  private deliver(): void {
    let hasMore = true;
    while (hasMore && !this.hasEnded()) {
      const hasRoom = !this.client.backlogged && this.outbox.heldMs <= this.limits.heldMs;
      hasMore = (hasRoom || !this.queue.isAtPause) && this.queue.moveTo(this.track);
      if (this.isClosed && this.queue.isEmpty) this.track.finish();
      this.outbox.release();
    }
  }

  private publish(): void {
    clearTimeout(this.backlogTimer);
    const limitMs = this.outbox.isPaced ? this.limits.aheadMs + this.limits.heldMs : Infinity;
    for (;;) {
      const next = this.queue.nextToPublish(this.outbox.unplayedMs + this.outbox.heldMs, limitMs);
      if (this.client.backlogged && (next || this.queue.isAtPause)) {
        this.backlogTimer = setTimeout(() => this.advance(), backlogPollMs);
        return;
      }
      if (!next) return;
      void next.utterance.publish(this.scope, this.jobRequest(next.utterance.text, next.index, next.bufferedMs));
    }
  }

  private jobRequest(text: string, index: number, bufferedMs: number): JobRequest {
    const { voice, language, seed, speed } = this.settings;
    const [first = '', rest = ''] = laneClasses(this.lane);
    return {
      lane: this.lane,
      jobClass: index === 0 ? first : rest,
      job: {
        requestId: this.scope.requestId,
        model: voice.model,
        voice: voice.id,
        text,
        language,
        seed: utteranceSeed(seed, index),
        speed,
        bufferedMs: Math.round(bufferedMs),
      },
    };
  }

  /** Handles that everything has been sent. A context that may get more text does not count as active meanwhile. */
  private onNothingLeft(state: Exclude<State, { name: 'ended' }>): void {
    if (state.name === 'closed' && state.permit === 'speech') return this.end({ outcome: 'done' });
    this.scope.rest();
    clearTimeout(this.expiryTimer);
    this.expiryTimer = setTimeout(() => this.cancel('expired'), this.limits.expiryMs);
  }

  private end(end: WorkEnd): void {
    if (this.state.name === 'ended') return;
    this.state = { name: 'ended' };
    for (const timer of [this.bufferTimer, this.expiryTimer, this.backlogTimer]) clearTimeout(timer);
    this.queue.cancel(end.outcome);
    this.outbox.clear();
    this.measures.audioSent(this.outbox.sentMs);
    this.scope.end(end, () => this.client.receive({ type: 'ended', ...end }));
  }

  /** The text counts if any of its audio was sent. */
  private use(): Use {
    const { voice, format } = this.settings;
    const audioSamples = this.outbox.sentSamples;
    const characters = audioSamples > 0 ? this.characters : 0;
    return { voice: voice.id, characters, audioSamples, sampleRateHz: format.sampleRateHz };
  }

  private hasEnded(): boolean {
    return this.state.name === 'ended';
  }
}
