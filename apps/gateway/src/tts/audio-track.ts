import type { Span } from '@app/protocol';
import { AudioOutput } from './audio-output';
import type { Timestamps } from './context-events';
import type { Outbox } from './outbox';
import type { TtsSettings } from './tts-request';
import type { TtsPlan } from './utterance';

/** Makes the audio of one context in the client's format, with word times. */
export class AudioTrack {
  private readonly output: AudioOutput;
  /** The start of the current utterance in the context's audio. */
  private startSeconds = 0;

  constructor(
    private readonly settings: TtsSettings,
    private readonly outbox: Pick<Outbox, 'put'>,
  ) {
    this.output = new AudioOutput(settings.format, settings.volume);
  }

  /** Call this before the audio of an utterance. Emits its words if the client asked for them. */
  beginUtterance(plan: TtsPlan): void {
    this.output.expect(plan.sampleRateHz);
    const { wordTimestamps, phonemeTimestamps } = this.settings;
    const timesOf = (spans: readonly Span[]) => timestamps(spans, plan.sampleRateHz, this.startSeconds);
    if (wordTimestamps && plan.words.length > 0) this.outbox.put({ type: 'words', timestamps: timesOf(plan.words) });
    if (phonemeTimestamps && plan.phonemes.length > 0) {
      this.outbox.put({ type: 'phonemes', timestamps: timesOf(plan.phonemes) });
    }
  }

  add(samples: Float32Array): void {
    this.put(this.output.push(samples));
  }

  endUtterance(plan: TtsPlan): void {
    this.startSeconds += plan.totalSamples / plan.sampleRateHz;
  }

  pause(durationMs: number): void {
    this.put(this.output.pause(durationMs));
    this.startSeconds += durationMs / 1000;
  }

  /** Call this when all audio before this flush has been made. */
  flush(flushId: number): void {
    this.finish();
    this.outbox.put({ type: 'flushed', flushId });
  }

  /** Adds the samples that the resampler still holds. */
  finish(): void {
    this.put(this.output.flush());
  }

  private put(bytes: Buffer): void {
    if (bytes.length > 0) this.outbox.put({ type: 'audio', bytes });
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
