import type { JobClient, JobRequest } from '@app/broker';
import type { GatewayMetrics, TraceHeaders } from '@app/platform';
import { laneClasses, laneName, ProblemError, type Lane, type TtsTimings } from '@app/protocol';
import { TextSplitter, type TextPiece } from '@app/speech/text';
import { AudioTrack } from './audio-track';
import type { CancelReason, ContextEnd, ContextEvent } from './context-events';
import type { TtsSettings } from './tts-request';
import { utteranceSeed } from './seed';
import { Utterance } from './utterance';

/** Utterances of one context that workers may hold or have waiting. */
const maxOutstanding = 2;
/** Text and first utterance are closer than this where none of the text was waited for. */
const sameMomentMs = 2;
/** Long text is split in slices: the splitter's time for one grows with its square. */
const sliceCharacters = 2_000;
/** How soon to look again whether a client that does not read has taken something. */
const backlogPollMs = 100;

/** The measures that a context takes. */
export type ContextMetrics = Pick<
  GatewayMetrics,
  'opened' | 'ended' | 'timeToFirstAudio' | 'overhead' | 'waitedInQueue' | 'stage' | 'audioPassed'
>;

/** Bounds of a context. */
export interface ContextLimits {
  /** Unplayed audio beyond which no further utterance is published. */
  readonly aheadMs: number;
  /** After this long without text or audio an open context is forgotten. */
  readonly expiryMs: number;
  readonly maxCharacters: number;
}

/** What a context needs of its surroundings. */
export interface ContextPorts {
  readonly jobs: Pick<JobClient, 'submit'>;
  readonly requestId: string;
  /** Trace context of what it causes. */
  readonly trace: TraceHeaders;
  /** When its first text came, on the clock of `performance.now`. */
  readonly receivedAtMs: number;
  readonly metrics: ContextMetrics;
  readonly limits: ContextLimits;
  /** Counts the context as active until the returned function is called; throws a ProblemError when there is no room. */
  enter(): () => void;
  emit(event: ContextEvent): void;
  /** Whether the client has yet to take what was sent. */
  backlogged(): boolean;
}

type Item =
  | { readonly type: 'utterance'; readonly utterance: Utterance; readonly index: number; begun: boolean }
  | { readonly type: 'pause'; readonly durationMs: number }
  | { readonly type: 'flush'; readonly flushId: number };

/**
 * One text spoken as one: pieces of text go in, events come out in order, `ended` last and once. At most two of its utterances
 * are with the workers; the next is published when the client has little left to play. Nothing is published before `begin`, and
 * nothing is sent before `admit`.
 */
export class TtsContext {
  private readonly splitter = new TextSplitter();
  private readonly track: AudioTrack;
  private readonly lane: Lane;
  /** What is still to be sent, in order. */
  private readonly items: Item[] = [];
  private begun = false;
  private admitted = false;
  private inputClosed = false;
  private hasEnded = false;
  private leave: (() => void) | undefined;
  private utterances = 0;
  private firstTextAtMs: number | undefined;
  /** Whether the first utterance was whole as soon as there was text; false once it has ended. */
  private cameWhole = false;
  private firstAudioMs: number | undefined;
  private characters = 0;
  private bufferTimer: NodeJS.Timeout | undefined;
  private paceTimer: NodeJS.Timeout | undefined;
  private expiryTimer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly settings: TtsSettings,
    private readonly ports: ContextPorts,
  ) {
    const { receivedAtMs, metrics } = ports;
    const emit = (event: ContextEvent) => this.hasEnded || ports.emit(event);
    const { model } = settings.voice;
    this.track = new AudioTrack(settings, emit, receivedAtMs, (ms) => {
      this.firstAudioMs = ms;
      metrics.timeToFirstAudio(model, ms);
    });
    this.lane = { kind: 'tts', model };
  }

  /** Opens a context; from here on exactly one `ended` will be emitted. */
  static open(settings: TtsSettings, ports: ContextPorts): TtsContext {
    ports.metrics.opened('tts');
    return new TtsContext(settings, ports);
  }

  /** For what is asked on its behalf. */
  get trace(): TraceHeaders {
    return this.ports.trace;
  }

  /** No more text can come. */
  get isClosed(): boolean {
    return this.inputClosed;
  }

  /** Text, joined to what came before as it is. */
  push(text: string): void {
    if (this.hasEnded || this.inputClosed) return;
    this.characters += text.length;
    this.firstTextAtMs ??= performance.now();
    if (this.characters > this.ports.limits.maxCharacters) {
      const detail = `A context may have at most ${this.ports.limits.maxCharacters} characters.`;
      return this.fail(new ProblemError('too_large', { detail }));
    }
    for (let at = 0; at < text.length; at += sliceCharacters)
      this.add(this.splitter.push(text.slice(at, at + sliceCharacters)));
    clearTimeout(this.bufferTimer);
    this.bufferTimer = setTimeout(() => this.onBufferDelay(), this.settings.maxBufferDelayMs);
    this.advance();
  }

  /** Speaks what there is and tells when it has been sent. */
  flush(): void {
    if (this.hasEnded || this.inputClosed) return;
    this.release();
    this.items.push({ type: 'flush', flushId: this.track.announceFlush() });
    this.advance();
  }

  /** No more text: the rest is spoken, then the context is done. */
  close(): void {
    if (this.hasEnded || this.inputClosed) return;
    this.release();
    this.inputClosed = true;
    this.advance();
  }

  /** Work may begin while it is still being asked whether the request is allowed. */
  begin(): void {
    this.begun = true;
    this.advance();
  }

  /** The request is allowed. */
  admit(): void {
    this.begun = true;
    this.admitted = true;
    this.advance();
  }

  cancel(reason: CancelReason): void {
    this.end({ outcome: 'cancelled', reason });
  }

  fail(problem: ProblemError): void {
    this.end({ outcome: 'error', problem });
  }

  /** The client has taken something: look whether to go on. */
  wake(): void {
    this.advance();
  }

  private onBufferDelay(): void {
    this.release();
    this.advance();
  }

  /** What waits for more text becomes an utterance as it is. */
  private release(): void {
    clearTimeout(this.bufferTimer);
    this.add(this.splitter.flush());
  }

  private add(pieces: readonly TextPiece[]): void {
    if (this.utterances === 0 && pieces.length > 0) {
      this.cameWhole = performance.now() - (this.firstTextAtMs ?? 0) < sameMomentMs;
    }
    for (const piece of pieces) {
      if (piece.kind === 'break') this.items.push({ type: 'pause', durationMs: piece.durationMs });
      else
        this.items.push({
          type: 'utterance',
          index: this.utterances++,
          utterance: this.utterance(piece.text),
          begun: false,
        });
    }
  }

  private utterance(text: string): Utterance {
    const { metrics } = this.ports;
    const lane = laneName(this.lane);
    return new Utterance(text, {
      changed: () => this.advance(),
      failed: (problem) => this.fail(problem),
      claimed: (waitedMs) => metrics.waitedInQueue(lane, waitedMs),
      ended: (timings, busMs) => {
        metrics.stage('seat_wait', lane, timings.seatWaitMs);
        metrics.stage('frontend', lane, timings.frontendMs);
        metrics.stage('encode', lane, timings.encodeMs);
        metrics.stage('decode', lane, timings.decodeMs);
        metrics.stage('bus', lane, busMs);
        this.firstEnded(timings);
      },
    });
  }

  /** What of the first audio's time was not the worker's; only where no text had to be waited for. */
  private firstEnded({ seatWaitMs, frontendMs, encodeMs, firstWindowMs }: TtsTimings): void {
    if (this.cameWhole && this.firstAudioMs !== undefined) {
      const workerMs = seatWaitMs + frontendMs + encodeMs + firstWindowMs;
      this.ports.metrics.overhead(this.lane.model, Math.max(0, this.firstAudioMs - workerMs));
    }
    this.cameWhole = false;
  }

  /** Sends what can be sent, publishes what may be published, and ends or rests when nothing is left. */
  private advance(): void {
    if (this.hasEnded || !this.begun) return;
    while (this.admitted && this.items[0] && this.send(this.items[0])) this.items.shift();
    if (this.items.length === 0) return this.rest();
    clearTimeout(this.expiryTimer);
    try {
      this.leave ??= this.ports.enter();
    } catch (error) {
      return this.fail(ProblemError.from(error));
    }
    this.publishNext();
  }

  /** Sends what there is of the head; true when that was all of it. */
  private send(head: Item): boolean {
    switch (head.type) {
      case 'utterance':
        return this.sendUtterance(head);
      case 'pause':
        this.track.pause(head.durationMs);
        return true;
      case 'flush':
        this.track.flush(head.flushId);
        return true;
    }
  }

  private sendUtterance(item: Extract<Item, { type: 'utterance' }>): boolean {
    const { plan } = item.utterance;
    if (!plan) return false;
    if (!item.begun) this.track.beginUtterance(plan);
    item.begun = true;
    for (const samples of item.utterance.take()) this.track.send(samples);
    if (!item.utterance.isComplete) return false;
    this.track.endUtterance(plan);
    return true;
  }

  private publishNext(): void {
    clearTimeout(this.paceTimer);
    let bufferedMs = this.track.aheadMs();
    let outstanding = 0;
    let next: Extract<Item, { type: 'utterance' }> | undefined;
    for (const item of this.items) {
      if (item.type !== 'utterance') continue;
      if (!item.utterance.isPublished) next = item;
      if (next) break;
      // Until its length is known, nobody can say how long the next one may wait: it would pass for a newcomer.
      if (item.utterance.isOutstanding && !item.utterance.plan) return;
      if (item.utterance.isOutstanding) outstanding++;
      bufferedMs += item.utterance.untakenMs;
    }
    if (!next || outstanding >= maxOutstanding) return;
    const waitMs = this.ports.backlogged() ? backlogPollMs : bufferedMs - this.ports.limits.aheadMs;
    if (waitMs > 0) {
      this.paceTimer = setTimeout(() => this.publishNext(), Math.ceil(waitMs));
      return;
    }
    void next.utterance.publish(this.ports.jobs, this.jobRequest(next.utterance.text, next.index, bufferedMs));
    this.publishNext();
  }

  private jobRequest(text: string, index: number, bufferedMs: number): JobRequest {
    const { voice, language, seed, speed } = this.settings;
    const [first = '', rest = ''] = laneClasses(this.lane);
    return {
      lane: this.lane,
      jobClass: index === 0 ? first : rest,
      job: {
        requestId: this.ports.requestId,
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

  /** Everything was sent. More text may come; it does not count as active meanwhile. */
  private rest(): void {
    if (this.inputClosed && this.admitted) return this.finish();
    this.leave?.();
    this.leave = undefined;
    clearTimeout(this.expiryTimer);
    this.expiryTimer = setTimeout(() => this.cancel('expired'), this.ports.limits.expiryMs);
  }

  private finish(): void {
    this.track.finish();
    this.end({ outcome: 'done' });
  }

  private end(end: ContextEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const timer of [this.bufferTimer, this.paceTimer, this.expiryTimer]) clearTimeout(timer);
    for (const item of this.items.splice(0)) if (item.type === 'utterance') item.utterance.cancel(end.outcome);
    this.leave?.();
    const { metrics } = this.ports;
    metrics.audioPassed('tts', this.lane.model, this.track.sentMs);
    metrics.ended('tts', end.outcome);
    this.ports.emit({ type: 'ended', ...end });
  }
}
