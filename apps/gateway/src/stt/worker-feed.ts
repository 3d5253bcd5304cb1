import type { JobHandle } from '@app/broker';
import { creditMs, type SttInput } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import { AudioHistory } from './audio-history';

const creditSamples = (creditMs * sttSampleRateHz) / 1_000;
/** Number of samples that may wait for a worker before the client is paused. */
const fullSamples = 2 * creditSamples;
/** Workers force a final at 30 s. Consumed audio that is older than this and has no final was silence. */
const silenceSamples = 40 * sttSampleRateHz;
/**
 * Live audio is sent and confirmed in pieces. If no more samples than this are unconfirmed, the worker has received all
 * audio.
 */
const unconfirmedSamples = sttSampleRateHz / 2;

interface Command {
  readonly atSample: number;
  readonly input: Exclude<SttInput, { type: 'audio' }>;
  /** Whether the gateway asked for it. The client gets no answer to it. */
  readonly isOwn: boolean;
}

/** The progress of the worker of the current attempt. */
interface Attempt {
  sentSamples: number;
  consumedSamples: number;
  commandsSent: number;
}

/**
 * Sends audio (up to the worker's credit) and commands at their positions in it. Keeps the audio since the last final,
 * so that a later attempt can recognise it again.
 */
export class WorkerFeed {
  private readonly history = new AudioHistory();
  private handle: JobHandle | undefined;
  /** Undefined until a worker claims the job. */
  private attempt: Attempt | undefined;
  /** Finalize markers without an answer, and the close, each with its position in the audio. */
  private commands: Command[] = [];
  private markers = 0;
  private full = false;

  /** Number of samples that the client has sent. */
  get endSample(): number {
    return this.history.endSample;
  }

  /** Whether the client should stop sending for now. */
  get isFull(): boolean {
    return this.full;
  }

  /** Whether the worker has received all audio and answered all commands. */
  get isSettled(): boolean {
    const consumedSamples = this.attempt?.consumedSamples ?? 0;
    return this.endSample - consumedSamples <= unconfirmedSamples && this.commands.length === 0;
  }

  /** Called when the job has been submitted. */
  attach(handle: JobHandle): void {
    this.handle = handle;
    this.pump();
  }

  append(samples: Int16Array): void {
    this.history.append(samples);
    this.pump();
    this.full = this.unsentSamples() > fullSamples;
  }

  /** Requests finals for all audio so far. `isOwn`: the client gets no answer. */
  finalize(isOwn: boolean): void {
    this.command({ type: 'finalize', marker: ++this.markers }, isOwn);
  }

  close(): void {
    this.command({ type: 'close' }, true);
  }

  /** The sample from which a worker continues after this final. */
  resumeSample(finalSample: number): number {
    return Math.max(finalSample, this.history.startSample);
  }

  /** Called when a worker begins after this final. */
  claimed(finalSample: number): void {
    const offsetSamples = this.resumeSample(finalSample);
    this.attempt = { sentSamples: offsetSamples, consumedSamples: offsetSamples, commandsSent: 0 };
    // The answer to the claim must be sent before any input.
    queueMicrotask(() => this.pump());
  }

  /** Called when the worker has consumed audio up to a sample. Returns true if the client may send again. */
  credit(consumedSamples: number, finalSample: number): boolean {
    if (!this.attempt) return false;
    this.attempt.consumedSamples = Math.max(this.attempt.consumedSamples, consumedSamples);
    this.history.dropBefore(Math.max(finalSample, this.attempt.consumedSamples - silenceSamples));
    this.pump();
    if (!this.full || this.unsentSamples() > creditSamples) return false;
    this.full = false;
    return true;
  }

  /** Called when audio before this sample is final and not needed again. */
  finalTo(finalSample: number): void {
    this.history.dropBefore(finalSample);
  }

  /**
   * Called when the worker has answered the finalize commands up to this marker. Returns how many of them came from the
   * client.
   */
  flushed(marker: number): number {
    const isAnswered = ({ input }: Command): boolean => input.type === 'finalize' && input.marker <= marker;
    const answered = this.commands.filter(isAnswered);
    this.commands = this.commands.filter((command) => !isAnswered(command));
    if (this.attempt) this.attempt.commandsSent = Math.max(0, this.attempt.commandsSent - answered.length);
    return answered.filter(({ isOwn }) => !isOwn).length;
  }

  /** Stops sending. If the job still runs, cancels it with the given reason. */
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
