import { sttSampleRateHz } from '../../audio';
import { detectorFrameSamples } from '../stt-engine';

/** The rules for the begin and end of speech. Times are rounded up to whole frames of the detector (32 ms). */
export interface EndpointerOptions {
  /** Probability from which a frame starts speech. */
  readonly startThreshold: number;
  /** Probability below which a frame of open speech counts as silence. */
  readonly endThreshold: number;
  /** Shorter bursts are not speech. */
  readonly minSpeechMs: number;
  /** Audio kept before the first speech frame. */
  readonly preRollMs: number;
  /** Silence that ends speech. */
  readonly endSilenceMs: number;
  /** Audio kept after the last speech frame; at most `endSilenceMs`. */
  readonly postRollMs: number;
  /** Longest segment, pre-roll and post-roll included. Longer speech is cut where its speech probability is lowest. */
  readonly maxSegmentMs: number;
}

/** The thresholds are those that the authors of the detector recommend. The times are chosen for conversations. */
export const defaultEndpointerOptions: EndpointerOptions = {
  startThreshold: 0.5,
  endThreshold: 0.35,
  minSpeechMs: 100,
  preRollMs: 300,
  endSilenceMs: 500,
  postRollMs: 300,
  maxSegmentMs: 30_000,
};

/**
 * Samples are counted from the start of the stream. A segment is [startSample, endSample). Segments never overlap.
 * Every `speechStart` is followed by one `speechEnd` with the same start. If speech goes on after a segment of the
 * longest length, the next segment starts where that one ends.
 */
export type EndpointEvent =
  | { readonly kind: 'speechStart'; readonly startSample: number }
  | { readonly kind: 'speechEnd'; readonly startSample: number; readonly endSample: number };

/** The open segment, in frames; `end` is the frame after the last one with speech. */
interface OpenSpeech {
  readonly startSample: number;
  readonly end: number;
}

/**
 * Finds the segments with speech in the frame probabilities of one STT stream. It uses neither a clock nor the audio.
 */
export class Endpointer {
  private readonly options: EndpointerOptions;
  /** Number of frames so far. `recent` holds the probabilities of the latest ones. */
  private frames = 0;
  private recent: number[] = [];
  /** The first frame of a burst that may become speech. */
  private burst: number | undefined;
  private open: OpenSpeech | undefined;
  private lastEndSample = 0;

  constructor(options: Partial<EndpointerOptions> = {}) {
    this.options = { ...defaultEndpointerOptions, ...options };
  }

  /** Takes the probabilities of the next frames, in order. */
  push(probabilities: readonly number[]): EndpointEvent[] {
    return probabilities.flatMap((probability) => this.take(probability));
  }

  /** Ends the stream after `totalSamples` and closes the open segment. */
  finish(totalSamples: number): EndpointEvent[] {
    const { open } = this;
    this.burst = undefined;
    return open ? [this.close(open, Math.min(totalSamples, this.rolledEnd(open)))] : [];
  }

  private take(probability: number): EndpointEvent[] {
    const frame = this.frames;
    this.frames += 1;
    this.recent.push(probability);
    const started = this.open ? [] : this.start(frame, probability);
    if (!this.open) {
      this.recent = this.recent.slice(-framesOf(this.options.maxSegmentMs));
      return started;
    }
    if (probability >= this.options.endThreshold) this.open = { ...this.open, end: frame + 1 };
    return [...started, ...this.endOrCut(this.open)];
  }

  private start(frame: number, probability: number): EndpointEvent[] {
    const { startThreshold, endThreshold, minSpeechMs, preRollMs } = this.options;
    if (probability < (this.burst === undefined ? startThreshold : endThreshold)) {
      this.burst = undefined;
      return [];
    }
    this.burst ??= frame;
    if (frame + 1 - this.burst < framesOf(minSpeechMs)) return [];
    const startSample = Math.max(this.lastEndSample, sampleOf(this.burst - framesOf(preRollMs)));
    this.burst = undefined;
    this.open = { startSample, end: frame + 1 };
    return [{ kind: 'speechStart', startSample }];
  }

  private endOrCut(open: OpenSpeech): EndpointEvent[] {
    const { endSilenceMs, maxSegmentMs } = this.options;
    if (this.frames - open.end >= framesOf(endSilenceMs)) return [this.close(open, this.rolledEnd(open))];
    const longest = Math.floor((maxSegmentMs * sttSampleRateHz) / 1000);
    return sampleOf(this.frames + 1) - open.startSample > longest ? this.cut(open) : [];
  }

  /** Ends the segment at the centre of the frame with the lowest speech probability in its last half. */
  private cut(open: OpenSpeech): EndpointEvent[] {
    const oldest = this.frames - this.recent.length;
    const middle = Math.ceil((open.startSample / detectorFrameSamples + this.frames) / 2);
    let quietest = this.frames - 1;
    for (let frame = this.frames - 1; frame >= Math.max(middle, oldest + 1); frame -= 1) {
      if (this.likeness(frame) < this.likeness(quietest)) quietest = frame;
    }
    const endSample = sampleOf(quietest) + detectorFrameSamples / 2;
    const cut = this.close(open, endSample);
    if (sampleOf(open.end) <= endSample) return [cut];
    this.open = { startSample: endSample, end: open.end };
    return [cut, { kind: 'speechStart', startSample: endSample }];
  }

  /** The mean probability around a frame, so that a dip of one frame counts less than a pause. */
  private likeness(frame: number): number {
    const at = frame - (this.frames - this.recent.length);
    const centre = this.recent[at] ?? 1;
    return (this.recent[at - 1] ?? centre) + 2 * centre + (this.recent[at + 1] ?? centre);
  }

  private close(open: OpenSpeech, endSample: number): EndpointEvent {
    this.open = undefined;
    this.lastEndSample = endSample;
    return { kind: 'speechEnd', startSample: open.startSample, endSample };
  }

  private rolledEnd(open: OpenSpeech): number {
    return sampleOf(Math.min(this.frames, open.end + framesOf(this.options.postRollMs)));
  }
}

const framesOf = (ms: number): number => Math.ceil((ms * sttSampleRateHz) / 1000 / detectorFrameSamples);

const sampleOf = (frame: number): number => Math.max(0, frame * detectorFrameSamples);
