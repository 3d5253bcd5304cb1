/** The listener's side of an utterance in time: when its audio starts to play, and so when each sample is needed. */
export interface PlaybackSettings {
  /** When the worker took the utterance. */
  readonly startedAtMs: number;
  /** Audio of the same context that was unplayed then. */
  readonly bufferedMs: number;
  /** How long before it is needed a step should run at the latest. */
  readonly marginMs: number;
}

/**
 * Turns playback positions into due times. What nobody can hear yet is due at once; what follows is due a margin before the
 * listener runs dry. So first windows go before later ones, except before one that would leave a gap.
 */
export class Playback {
  private readonly runsDryAtMs: number;
  private playsFrom: { readonly sample: number; readonly atMs: number } | undefined;

  constructor(private readonly settings: PlaybackSettings) {
    this.runsDryAtMs = settings.startedAtMs + settings.bufferedMs;
  }

  /** For the encoder and the first window. */
  get firstDueMs(): number {
    return Math.max(this.settings.startedAtMs, this.runsDryAtMs - this.settings.marginMs);
  }

  /** The first audio of this attempt left, beginning with this sample. */
  sent(firstSample: number, nowMs: number): void {
    this.playsFrom ??= { sample: firstSample, atMs: Math.max(nowMs, this.runsDryAtMs) };
  }

  /** For the window that begins with this sample; before the first audio left, the same as `firstDueMs`. */
  dueMs(startSample: number, sampleRateHz: number): number {
    if (this.playsFrom === undefined) return this.firstDueMs;
    const playsAtMs = this.playsFrom.atMs + ((startSample - this.playsFrom.sample) / sampleRateHz) * 1_000;
    return playsAtMs - this.settings.marginMs;
  }
}
