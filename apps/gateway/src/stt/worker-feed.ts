import type { JobHandle } from '@app/broker';
import { creditSamples, sttSampleRateHz, type SttInput } from '@app/protocol';
import { AudioHistory } from './audio-history';

/** Audio that waits to be sent to a worker beyond which the client is asked to wait. */
const fullSamples = 2 * creditSamples;
/** Workers force a final at 30 s, so consumed audio older than this without one was silence. */
const silenceSamples = 40 * sttSampleRateHz;
/** Live audio is sent and confirmed in pieces: with no more than this unconfirmed, the worker has heard all. */
const unconfirmedSamples = sttSampleRateHz / 2;

interface Command {
  readonly atSample: number;
  readonly input: Exclude<SttInput, { type: 'audio' }>;
  /** The client did not ask for it and hears nothing of it. */
  readonly isOwn: boolean;
}

/** How far the worker of the current attempt is. */
interface Attempt {
  sentSamples: number;
  consumedSamples: number;
  commandsSent: number;
}

/**
 * What the worker of an STT stream is sent: audio up to its credit, and commands at their places in it. Keeps the audio since
 * the last final, so that a worker of a later attempt hears again what has no final yet.
 */
export class WorkerFeed {
  private readonly history = new AudioHistory();
  private handle: JobHandle | undefined;
  /** Undefined until a worker has claimed the job. */
  private attempt: Attempt | undefined;
  /** Finalize markers that were not answered, and the close, each with its place in the audio. */
  private commands: Command[] = [];
  private markers = 0;
  private full = false;

  /** Length of all audio of the client. */
  get endSample(): number {
    return this.history.endSample;
  }

  /** Whether so much audio waits that the client should not send more. */
  get isFull(): boolean {
    return this.full;
  }

  /** Whether the worker has heard all and owes no answer. */
  get isSettled(): boolean {
    const consumedSamples = this.attempt?.consumedSamples ?? 0;
    return this.endSample - consumedSamples <= unconfirmedSamples && this.commands.length === 0;
  }

  /** The job was submitted. */
  attach(handle: JobHandle): void {
    this.handle = handle;
    this.pump();
  }

  append(samples: Int16Array): void {
    this.history.append(samples);
    this.pump();
    this.full = this.unsentSamples() > fullSamples;
  }

  /** Asks for finals for everything so far. `isOwn`: its answer is not for the client. */
  finalize(isOwn: boolean): void {
    this.command({ type: 'finalize', marker: ++this.markers }, isOwn);
  }

  close(): void {
    this.command({ type: 'close' }, true);
  }

  /** The sample with which a worker goes on after this final. */
  resumeSample(finalSample: number): number {
    return Math.max(finalSample, this.history.startSample);
  }

  /** A worker begins after this final. */
  claimed(finalSample: number): void {
    const offsetSamples = this.resumeSample(finalSample);
    this.attempt = { sentSamples: offsetSamples, consumedSamples: offsetSamples, commandsSent: 0 };
    // The worker is answered first.
    queueMicrotask(() => this.pump());
  }

  /** The worker has consumed audio up to a sample; true when the client may send again. */
  credit(consumedSamples: number, finalSample: number): boolean {
    if (!this.attempt) return false;
    this.attempt.consumedSamples = Math.max(this.attempt.consumedSamples, consumedSamples);
    this.history.dropBefore(Math.max(finalSample, this.attempt.consumedSamples - silenceSamples));
    this.pump();
    if (!this.full || this.unsentSamples() > creditSamples) return false;
    this.full = false;
    return true;
  }

  /** Audio before this sample is final and is not needed again. */
  finalTo(finalSample: number): void {
    this.history.dropBefore(finalSample);
  }

  /** The worker has answered the finalize commands up to this marker; gives how many of them the client asked for. */
  flushed(marker: number): number {
    const isAnswered = ({ input }: Command): boolean => input.type === 'finalize' && input.marker <= marker;
    const answered = this.commands.filter(isAnswered);
    this.commands = this.commands.filter((command) => !isAnswered(command));
    if (this.attempt) this.attempt.commandsSent = Math.max(0, this.attempt.commandsSent - answered.length);
    return answered.filter(({ isOwn }) => !isOwn).length;
  }

  /** Nothing more is sent; a job that still runs is cancelled for the reason given. */
  stop(reason: string | undefined): void {
    const { handle } = this;
    this.handle = undefined;
    if (reason !== undefined) handle?.cancel(reason);
  }

  private command(input: Command['input'], isOwn: boolean): void {
    this.commands.push({ atSample: this.endSample, input, isOwn });
    this.pump();
  }

  private unsentSamples(): number {
    return this.endSample - (this.attempt?.sentSamples ?? 0);
  }

  private pump(): void {
    const { handle, attempt } = this;
    if (!handle || !attempt) return;
    for (;;) {
      const command = this.commands[attempt.commandsSent];
      if (command && command.atSample <= attempt.sentSamples) {
        attempt.commandsSent++;
        handle.send(command.input);
        continue;
      }
      const limit = Math.min(attempt.consumedSamples + creditSamples, command?.atSample ?? Infinity);
      const samples = this.history.read(attempt.sentSamples, limit);
      if (samples.length === 0) return;
      const input: SttInput = { type: 'audio', offsetSamples: attempt.sentSamples };
      handle.send(input, bytesOf(samples));
      attempt.sentSamples += samples.length;
    }
  }
}

const bytesOf = (samples: Int16Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
