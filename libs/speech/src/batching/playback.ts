import type { Window } from '../engines/tts-engine';

/** The listener's side of an utterance in time: when its audio starts to play, and so when each sample is needed. */
export interface PlaybackSettings {
  /** When the worker took the utterance. */
  readonly startedAtMs: number;
  /** Audio of the same context that was unplayed then. */
  readonly bufferedMs: number;
  /** How long before it is needed a step should run at the latest, besides the time it takes. */
  readonly marginMs: number;
  /** How long a listener who hears nothing gives way to audio that is about to run dry. */
  readonly startPatienceMs: number;
}

/** When a step is due, and whether somebody waits for it in silence; see the scheduler. */
export interface Due {
  readonly dueMs: number;
  readonly awaited: boolean;
}

/** What making audio takes of a slow core, by its length: the longer a window, the sooner it has to be begun. */
const decodeShare = 0.1;

/** What an encoder and the first window after it take of a slow core, in milliseconds. */
const startLeadMs = 200;

/** Turns playback positions into due times. */
export class Playback {
  private readonly runsDryAtMs: number;
  private playsFrom: { readonly sample: number; readonly atMs: number } | undefined;

  constructor(private readonly settings: PlaybackSettings) {
    this.runsDryAtMs = settings.startedAtMs + settings.bufferedMs;
  }

  /** Of the encoder and the first window. */
  get first(): Due {
    const { startedAtMs, bufferedMs, marginMs, startPatienceMs } = this.settings;
    if (bufferedMs > 0) return { dueMs: this.runsDryAtMs - marginMs - startLeadMs, awaited: false };
    return { dueMs: startedAtMs + startPatienceMs, awaited: true };
  }

  /** The first audio of this attempt left, beginning with this sample. */
  sent(firstSample: number, nowMs: number): void {
    this.playsFrom ??= { sample: firstSample, atMs: Math.max(nowMs, this.runsDryAtMs) };
  }

  /** Of a window; before the first audio left, the same as `first`. */
  due({ startSample, endSample }: Window, sampleRateHz: number): Due {
    if (this.playsFrom === undefined) return this.first;
    const msOf = (samples: number): number => (samples / sampleRateHz) * 1_000;
    const playsAtMs = this.playsFrom.atMs + msOf(startSample - this.playsFrom.sample);
    return { dueMs: playsAtMs - this.settings.marginMs - decodeShare * msOf(endSample - startSample), awaited: false };
  }
}
