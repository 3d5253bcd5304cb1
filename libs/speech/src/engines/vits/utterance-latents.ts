import { Noise, noiseStream } from './noise';
import type { VitsLayout } from './vits-graphs';
import type { TextResult, VitsSessions } from './vits-sessions';
import type { FrameWindow } from './window-plan';

/** The values from which the latent frames of an utterance are made. */
export interface LatentSource {
  readonly text: TextResult;
  readonly durations: readonly number[];
  readonly seed: number;
  readonly noiseScale: number;
}

/**
 * The latent frames of one utterance, made in pieces when windows need them. The pieces depend on the windows alone, so
 * the order of requests does not matter.
 */
export class UtteranceLatents {
  readonly frames: number;
  private readonly idOfFrame: Int32Array;
  private readonly noise: Noise;
  private readonly latents: Float32Array;
  private readonly pieceEnds: readonly number[];
  private readonly done = new Set<number>();

  constructor(
    private readonly sessions: VitsSessions,
    private readonly source: LatentSource,
    windows: readonly FrameWindow[],
  ) {
    this.idOfFrame = Int32Array.from(source.durations.flatMap((frames, id) => new Array<number>(frames).fill(id)));
    this.frames = this.idOfFrame.length;
    this.noise = new Noise(source.seed, noiseStream.latent);
    this.latents = new Float32Array(this.layout.channels * this.frames);
    this.pieceEnds = pieceEnds(windows, this.frames);
  }

  /** Copies frames [start, end) to `target`, which is [channels, frames]. Makes the missing frames first. */
  async copy(target: Float32Array, start: number, end: number): Promise<void> {
    for (const [piece, pieceEnd] of this.pieceEnds.entries()) {
      const pieceStart = this.pieceEnds[piece - 1] ?? 0;
      if (pieceStart < end && pieceEnd > start && !this.done.has(piece)) {
        await this.make(pieceStart, pieceEnd);
        this.done.add(piece);
      }
    }
    for (let channel = 0; channel < this.layout.channels; channel += 1) {
      const row = channel * this.frames;
      target.set(this.latents.subarray(row + start, row + end), channel * (end - start));
    }
  }

  private get layout(): VitsLayout {
    return this.sessions.layout;
  }

  private async make(start: number, end: number): Promise<void> {
    const { channels, flowReach } = this.layout;
    const first = Math.max(0, start - flowReach);
    const last = Math.min(this.frames, end + flowReach);
    const goesOn = { before: first > 0, after: last < this.frames };
    const clean = await this.sessions.runFlow(this.noisy(first, last - first), last - first, goesOn);
    const frames = clean.length / channels;
    const skipped = goesOn.before ? 0 : start;
    for (let channel = 0; channel < channels; channel += 1) {
      const from = channel * frames + skipped;
      this.latents.set(clean.subarray(from, from + end - start), channel * this.frames + start);
    }
  }

  /** Every frame is drawn from its phoneme's distribution. */
  private noisy(first: number, frames: number): Float32Array {
    const { text, noiseScale, durations } = this.source;
    const { channels } = this.layout;
    const noisy = new Float32Array(channels * frames);
    this.noise.fillColumns(noisy, first, frames, channels);
    for (let channel = 0; channel < channels; channel += 1) {
      const row = channel * durations.length;
      for (let frame = 0, at = channel * frames; frame < frames; frame += 1, at += 1) {
        const cell = row + (this.idOfFrame[first + frame] ?? 0);
        const deviation = Math.exp(text.logScale[cell] ?? 0) * noiseScale;
        noisy[at] = (text.mean[cell] ?? 0) + (noisy[at] ?? 0) * deviation;
      }
    }
    return noisy;
  }
}

/**
 * The frames of the first window are one piece, so that the first audio is ready early. After that two windows share a
 * piece, which reduces the overlap.
 */
function pieceEnds(windows: readonly FrameWindow[], frames: number): number[] {
  const ends = windows.filter((_, index) => index % 2 === 0).map(({ inputEnd }) => inputEnd);
  return ends.at(-1) === frames ? ends : [...ends, frames];
}
