import type { Tuning } from '@app/speech/batching';
import type { Recognition } from '@app/speech/engines';
import { nextPartialSample, samplesOfMs } from './partial-pacing';
import { soundsLikeNothing } from './recognition';

/** What an utterance asks its STT stream for. */
export interface Recogniser {
  /** What is said from a sample on, up to a place that may be asked for late. Rejects when it is dropped. */
  recognise(request: RecognitionRequest): Promise<Recognition>;
  /** Drops a recognition that still waits. */
  drop(line: string): void;
  /** Said while the utterance is open; replaces what was said before. */
  partial(recognition: Recognition, startSample: number, endSample: number): void;
}

/** A part of the stream that is to be recognised. */
export interface RecognitionRequest {
  /** Recognitions of one line run in order. */
  readonly line: string;
  readonly startSample: number;
  /** Called when it is about to run. */
  readonly endSample: () => number;
  /** Whether it may become a final; one that may not gives way to everything else. */
  readonly final: boolean;
}

/** When an open utterance is recognised before it ends. */
export type UtteranceTuning = Pick<Tuning, 'firstPartialMs' | 'partialIntervalMs' | 'partialGrowth' | 'eagerSilenceMs'>;

/** An utterance from its first sample to its end: when it is recognised, and which recognition becomes its final. */
export class OpenUtterance {
  private detectedSample: number;
  /** End of the newest partial. */
  private partialEnd: number | undefined;
  private partialWaits = false;
  /** Made in a pause, for the case that the utterance ends with it. */
  private eager: Promise<Recognition> | undefined;
  private isOver = false;

  constructor(
    readonly startSample: number,
    private readonly recogniser: Recogniser,
    /** Absent: no partials, one recognition at the end. */
    private readonly tuning?: UtteranceTuning,
  ) {
    this.detectedSample = startSample;
  }

  /** The detector has seen the stream up to this sample, and no speech in the last `quietSamples`. */
  follow(detectedSample: number, quietSamples: number): void {
    this.detectedSample = detectedSample;
    if (!this.tuning) return;
    if (quietSamples >= samplesOfMs(this.tuning.eagerSilenceMs)) this.eager ??= this.recogniseEagerly();
    else {
      if (this.eager) this.recogniser.drop(this.eagerLine);
      this.eager = undefined;
      this.considerPartial(this.tuning);
    }
  }

  /** It ends here; resolves to what was said. */
  end(endSample: number): Promise<Recognition> {
    this.drop();
    return this.eager ?? this.recogniser.recognise({ ...this.request('final', true), endSample: () => endSample });
  }

  /** Nothing of it is said any more. */
  drop(): void {
    this.isOver = true;
    this.recogniser.drop(this.partialLine);
  }

  /** In a pause nothing new can be said, so the pause's recognition is worth the detail of a final. */
  private recogniseEagerly(): Promise<Recognition> {
    this.recogniser.drop(this.partialLine);
    const endSample = this.detectedSample;
    const eager = this.recogniser.recognise({ ...this.request('eager', true), endSample: () => endSample });
    eager.then(
      (recognition) => this.say(recognition, endSample),
      () => undefined,
    );
    return eager;
  }

  /** At most one waits, and it is made of what is there when it runs: the newest wins. */
  private considerPartial(tuning: UtteranceTuning): void {
    if (this.partialWaits || this.detectedSample < nextPartialSample(this.startSample, this.partialEnd, tuning)) return;
    this.partialWaits = true;
    let end = this.detectedSample;
    const endSample = (): number => (end = this.detectedSample);
    this.recogniser
      .recognise({ ...this.request('partial', false), endSample })
      .finally(() => (this.partialWaits = false))
      .then(
        (recognition) => this.say(recognition, end),
        // Only missed: what ails the stream shows at its next step.
        () => undefined,
      );
  }

  private say(recognition: Recognition, endSample: number): void {
    // Too late when a newer one was said, or when it has ended and its final is on the way.
    if (this.isOver || endSample < (this.partialEnd ?? 0)) return;
    this.partialEnd = endSample;
    if (soundsLikeNothing(recognition)) return;
    this.recogniser.partial(recognition, this.startSample, endSample);
  }

  private request(of: string, final: boolean): Omit<RecognitionRequest, 'endSample'> {
    return { line: `${of}-${this.startSample}`, startSample: this.startSample, final };
  }

  private get partialLine(): string {
    return this.request('partial', false).line;
  }

  private get eagerLine(): string {
    return this.request('eager', true).line;
  }
}
