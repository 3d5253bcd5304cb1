import type { Span } from '@app/protocol';
import { pcmBytesPerSample } from '@app/speech/audio';
import { AudioOutput } from './audio-output';
import type { ContextEvent, Timestamps } from './context-events';
import { Playback } from './playback';
import type { TtsSettings } from './tts-request';
import type { TtsPlan } from './utterance';

/** A piece of audio on the wire; as base64 in JSON it stays far below the 1 MiB that clients accept. */
const maxChunkBytes = 192 * 1024;

/** The audio of one context as it leaves, with the times of its words; counts what the client cannot have played yet. */
export class AudioTrack {
  private readonly output: AudioOutput;
  private readonly playback = new Playback();
  /** Where in the context's audio the utterance at hand begins. */
  private startSeconds = 0;
  private flushes = 0;
  private flushesPassed = 0;
  private lastAudioAtMs: number | undefined;
  private durationMs = 0;

  /** `firstAudio` is told how long after `receivedAtMs` the first audio left. */
  constructor(
    private readonly settings: TtsSettings,
    private readonly emit: (event: ContextEvent) => void,
    private readonly receivedAtMs: number,
    private readonly firstAudio: (ms: number) => void,
  ) {
    this.output = new AudioOutput(settings.format, settings.volume);
  }

  /** What was sent and cannot have been played yet. */
  aheadMs(): number {
    return this.playback.aheadMs();
  }

  /** Length of all audio sent. */
  get sentMs(): number {
    return this.durationMs;
  }

  /** Number of a flush that was asked for just now. */
  announceFlush(): number {
    return ++this.flushes;
  }

  /** Before the audio of an utterance: its words, where they were asked for. */
  beginUtterance(plan: TtsPlan): void {
    this.output.expect(plan.sampleRateHz);
    const { wordTimestamps, phonemeTimestamps } = this.settings;
    const place = (spans: readonly Span[]) => timestamps(spans, plan.sampleRateHz, this.startSeconds);
    if (wordTimestamps && plan.words.length > 0) this.emit({ type: 'words', timestamps: place(plan.words) });
    if (phonemeTimestamps && plan.phonemes.length > 0) {
      this.emit({ type: 'phonemes', timestamps: place(plan.phonemes) });
    }
  }

  send(samples: Float32Array): void {
    this.sendBytes(this.output.push(samples));
  }

  endUtterance(plan: TtsPlan): void {
    this.startSeconds += plan.totalSamples / plan.sampleRateHz;
  }

  pause(durationMs: number): void {
    this.sendBytes(this.output.pause(durationMs));
    this.startSeconds += durationMs / 1000;
  }

  /** Everything before this flush has been sent. */
  flush(flushId: number): void {
    this.finish();
    this.flushesPassed = flushId;
    this.emit({ type: 'flushed', flushId });
  }

  /** Sends what the resampler still holds. */
  finish(): void {
    this.sendBytes(this.output.flush());
  }

  private sendBytes(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const now = performance.now();
    if (this.lastAudioAtMs === undefined) this.firstAudio(now - this.receivedAtMs);
    const stepTimeMs = now - (this.lastAudioAtMs ?? this.receivedAtMs);
    this.lastAudioAtMs = now;
    const { encoding, sampleRateHz } = this.settings.format;
    const durationMs = (bytes.length / pcmBytesPerSample[encoding] / sampleRateHz) * 1000;
    this.durationMs += durationMs;
    this.playback.sent(durationMs);
    const flushId = this.flushes > 0 ? this.flushesPassed + 1 : undefined;
    for (let at = 0; at < bytes.length; at += maxChunkBytes) {
      this.emit({ type: 'audio', bytes: bytes.subarray(at, at + maxChunkBytes), flushId, stepTimeMs });
    }
  }
}

function timestamps(spans: readonly Span[], rateHz: number, startSeconds: number): Timestamps {
  const seconds = (sample: number): number => Number((startSeconds + sample / rateHz).toFixed(6));
  return {
    texts: spans.map(([text]) => text),
    startSeconds: spans.map(([, start]) => seconds(start)),
    endSeconds: spans.map(([, , end]) => seconds(end)),
  };
}
