import type { Claim, JobClient, JobHandle, JobListener } from '@app/broker';
import type { GatewayMetrics } from '@app/platform';
import {
  creditSamples,
  laneClasses,
  laneName,
  ProblemError,
  sttSampleRateHz,
  type Lane,
  type SttInput,
  type SttOutput,
  type SttResume,
  type SttSegment,
} from '@app/protocol';
import type { Offering } from '../catalogue/catalogue';
import { AudioHistory } from './audio-history';
import type { AudioInput } from './audio-input';

/** Audio that waits to be sent to a worker beyond which the client is asked to wait. */
const fullSamples = 2 * creditSamples;
/** Workers force a final at 30 s, so consumed audio older than this without one was silence. */
const silenceSamples = 40 * sttSampleRateHz;
/** Live audio is sent and confirmed in pieces: with no more than this unconfirmed, the worker has heard all. */
const unconfirmedSamples = sttSampleRateHz / 2;

/** What an STT request comes to here. */
export interface SttSettings {
  readonly model: Offering;
  readonly language: string;
  readonly words: boolean;
  readonly pace: 'live' | 'upload';
}

/** Recognised text as clients get it; finals can be joined as they are. */
export interface Transcript {
  readonly text: string;
  readonly language: string;
  readonly durationSeconds: number;
  readonly words: readonly { readonly word: string; readonly start: number; readonly end: number }[];
}

/** The one accounted end of an STT stream. */
export type SttEnd =
  | { readonly outcome: 'done'; readonly durationSeconds: number }
  | { readonly outcome: 'error'; readonly problem: ProblemError }
  | { readonly outcome: 'cancelled' };

/** What comes out of an STT stream, in order; `ended` is the last and comes once. */
export type SttEvent =
  | { readonly type: 'transcript'; readonly isFinal: boolean; readonly transcript: Transcript }
  /** Answers `finalize`, in order. */
  | { readonly type: 'flushed' }
  | ({ readonly type: 'ended' } & SttEnd);

/** What an STT stream needs of its surroundings. */
export interface SttPorts {
  readonly jobs: Pick<JobClient, 'submit'>;
  readonly requestId: string;
  readonly metrics: Pick<GatewayMetrics, 'opened' | 'ended' | 'audioPassed' | 'waitedInQueue' | 'transcriptionLatency'>;
  emit(event: SttEvent): void;
  /** There is room for audio again. */
  drained(): void;
}

type Command = {
  readonly atSample: number;
  readonly input: Exclude<SttInput, { type: 'audio' }>;
  /** The client did not ask for it and hears nothing of it. */
  readonly isOwn?: boolean;
};

/**
 * One STT stream: audio goes in, transcripts come out, `ended` last and once. It keeps the audio since the last final, so
 * that a worker which takes over hears again what has no final yet. A job exists from the first audio on.
 */
export class SttSession implements JobListener {
  private readonly history = new AudioHistory();
  private readonly lane: Lane;
  private handle: JobHandle | undefined;
  private submitted = false;
  private claimed = false;
  private sentSamples = 0;
  private consumedSamples = 0;
  private finalSample = 0;
  /** Finalize markers that were not answered, and the close, each with its place in the audio. */
  private commands: Command[] = [];
  /** How many of them the current worker has been sent. */
  private commandsSent = 0;
  private markers = 0;
  private hasText = false;
  /** Words were shown that no final has. */
  private hasOpenWords = false;
  private isFull = false;
  private inputClosed = false;
  private hasEnded = false;
  private lastAudioAtMs = 0;
  private lastFinalAtMs = 0;

  private constructor(
    private readonly settings: SttSettings,
    private readonly input: AudioInput,
    private readonly ports: SttPorts,
  ) {
    this.lane = { kind: 'stt', model: settings.model.model };
  }

  /** Opens a stream; from here on exactly one `ended` will be emitted. */
  static open(settings: SttSettings, input: AudioInput, ports: SttPorts): SttSession {
    ports.metrics.opened('stt');
    return new SttSession(settings, input, ports);
  }

  /** Whether the client should wait for `drained` before it sends more. */
  get full(): boolean {
    return this.isFull;
  }

  /** Whether its client has been told all that was said so far. */
  get isIdle(): boolean {
    if (!this.submitted || this.hasEnded) return true;
    const isHeard = this.history.endSample - this.consumedSamples <= unconfirmedSamples;
    return isHeard && !this.hasOpenWords && this.commands.length === 0;
  }

  push(bytes: Uint8Array): void {
    if (this.hasEnded || this.inputClosed) return;
    this.take(() => this.input.push(bytes));
  }

  /** Finals for everything so far, then `flushed`; the stream stays open. */
  finalize(): void {
    if (this.hasEnded || this.inputClosed) return;
    if (!this.submitted) return this.ports.emit({ type: 'flushed' });
    this.command({ type: 'finalize', marker: ++this.markers });
  }

  /** Finals for everything so far; the client is not told that it was asked for. */
  settle(): void {
    if (this.hasEnded || this.inputClosed || !this.submitted) return;
    this.command({ type: 'finalize', marker: ++this.markers }, true);
  }

  /** No more audio: remaining finals, then the end. */
  close(): void {
    if (this.hasEnded || this.inputClosed) return;
    this.take(() => this.input.end());
    if (this.hasEnded) return;
    this.inputClosed = true;
    if (this.submitted) this.command({ type: 'close' });
    else this.end({ outcome: 'done', durationSeconds: 0 });
  }

  /** Stops at once. */
  cancel(): void {
    this.end({ outcome: 'cancelled' });
  }

  fail(problem: ProblemError): void {
    this.end({ outcome: 'error', problem });
  }

  onClaim(claim: Claim): SttResume {
    this.ports.metrics.waitedInQueue(laneName(this.lane), claim.waitedMs);
    const offsetSamples = Math.max(this.finalSample, this.history.startSample);
    this.claimed = true;
    this.commandsSent = 0;
    this.sentSamples = offsetSamples;
    this.consumedSamples = offsetSamples;
    queueMicrotask(() => this.pump());
    return { offsetSamples };
  }

  onOutput(output: SttOutput): void {
    if (this.hasEnded) return;
    switch (output.type) {
      case 'credit':
        return this.onCredit(output.consumedSamples);
      case 'partial':
        return this.onPartial(output);
      case 'final':
        return this.onFinal(output);
      case 'flushed':
        return this.onFlushed(output.marker);
      default:
        return;
    }
  }

  onEnd(): void {
    if (!this.inputClosed)
      return this.fail(new ProblemError('internal', { cause: new Error('an STT job ended by itself') }));
    this.end({ outcome: 'done', durationSeconds: this.history.endSample / sttSampleRateHz });
  }

  onProblem(problem: ProblemError): void {
    this.fail(problem);
  }

  private take(read: () => Int16Array): void {
    let samples: Int16Array;
    try {
      samples = read();
    } catch (error) {
      return this.fail(ProblemError.from(error));
    }
    if (samples.length === 0) return;
    this.lastAudioAtMs = performance.now();
    this.history.append(samples);
    this.submit();
    this.pump();
    this.isFull = this.history.endSample - this.sentSamples > fullSamples;
  }

  private submit(): void {
    if (this.submitted) return;
    this.submitted = true;
    const { model, language, words, pace } = this.settings;
    const [jobClass = ''] = laneClasses(this.lane);
    const job = { requestId: this.ports.requestId, model: model.model, language, words, pace };
    this.ports.jobs.submit({ lane: this.lane, jobClass, job }, this).then(
      (handle) => {
        this.handle = handle;
        if (this.hasEnded) handle.cancel('ended');
        else this.pump();
      },
      (error: unknown) => this.fail(ProblemError.from(error)),
    );
  }

  private command(input: Command['input'], isOwn = false): void {
    this.commands.push({ atSample: this.history.endSample, input, isOwn });
    this.pump();
  }

  /** Sends what the worker may have now: audio up to its credit, and commands at their places. */
  private pump(): void {
    if (!this.handle || !this.claimed || this.hasEnded) return;
    for (;;) {
      const command = this.commands[this.commandsSent];
      if (command && command.atSample <= this.sentSamples) {
        this.commandsSent++;
        this.handle.send(command.input);
        continue;
      }
      const limit = Math.min(this.consumedSamples + creditSamples, command?.atSample ?? Infinity);
      const samples = this.history.read(this.sentSamples, limit);
      if (samples.length === 0) return;
      const input: SttInput = { type: 'audio', offsetSamples: this.sentSamples };
      this.handle.send(input, bytesOf(samples));
      this.sentSamples += samples.length;
    }
  }

  private onCredit(consumedSamples: number): void {
    this.consumedSamples = Math.max(this.consumedSamples, consumedSamples);
    this.history.dropBefore(Math.max(this.finalSample, this.consumedSamples - silenceSamples));
    this.pump();
    if (!this.isFull || this.history.endSample - this.sentSamples > creditSamples) return;
    this.isFull = false;
    this.ports.drained();
  }

  private onPartial(segment: SttSegment): void {
    if (segment.endSample <= this.finalSample || segment.text === '') return;
    this.hasOpenWords = true;
    this.emitTranscript(segment, false);
  }

  private onFinal(segment: SttSegment): void {
    if (segment.endSample <= this.finalSample) return;
    this.finalSample = segment.endSample;
    this.hasOpenWords = false;
    this.lastFinalAtMs = performance.now();
    this.history.dropBefore(this.finalSample);
    if (segment.text === '') return;
    this.emitTranscript(segment, true);
    this.hasText = true;
  }

  private onFlushed(marker: number): void {
    const answered = ({ input }: Command): boolean => input.type === 'finalize' && input.marker <= marker;
    const done = this.commands.filter(answered);
    this.commands = this.commands.filter((command) => !answered(command));
    this.commandsSent = Math.max(0, this.commandsSent - done.length);
    for (const { isOwn } of done) if (!isOwn) this.ports.emit({ type: 'flushed' });
  }

  private emitTranscript(segment: SttSegment, isFinal: boolean): void {
    const seconds = (sample: number): number => Number((sample / sttSampleRateHz).toFixed(3));
    const transcript: Transcript = {
      text: this.hasText && usesSpaces(segment.language) ? ` ${segment.text}` : segment.text,
      language: segment.language,
      durationSeconds: seconds(segment.endSample - segment.startSample),
      words: segment.words.map(([word, start, end]) => ({ word, start: seconds(start), end: seconds(end) })),
    };
    this.ports.emit({ type: 'transcript', isFinal, transcript });
  }

  private end(end: SttEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { metrics } = this.ports;
    if (end.outcome === 'done' && this.lastFinalAtMs > this.lastAudioAtMs) {
      metrics.transcriptionLatency(this.lane.model, this.lastFinalAtMs - this.lastAudioAtMs);
    }
    metrics.audioPassed('stt', this.lane.model, (this.history.endSample / sttSampleRateHz) * 1000);
    metrics.ended('stt', end.outcome);
    if (end.outcome !== 'done') this.handle?.cancel(end.outcome);
    if (this.isFull) this.ports.drained();
    this.ports.emit({ type: 'ended', ...end });
  }
}

const bytesOf = (samples: Int16Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

/** Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without spaces between sentences. */
const usesSpaces = (language: string): boolean => !['zh', 'ja', 'th', 'lo', 'my', 'km', 'yue'].includes(language);
