import type { Tuning } from '@app/speech/batching';
import type { Recognition, SampleSpan } from '@app/speech/engines';
import { nextPartialSample, samplesOfMs } from './partial-pacing';
import { soundsLikeNothing } from './recognition';

/** Audio that was cut out of a stream, and where in it the detector found speech. */
export interface CutAudio {
  readonly samples: Float32Array;
  readonly speech: readonly SampleSpan[];
}

/** What an utterance asks its STT stream for. */
export interface Recogniser {
  /** A copy of the stream's audio in [startSample, endSample). */
  cut(startSample: number, endSample: number): CutAudio;
  /** What is said in the audio. Rejects when it is dropped. */
  recognise(request: RecognitionRequest): Promise<Recognition>;
  /** Drops a recognition that has not begun. */
  drop(line: string): void;
  /** Reports text of an open utterance, which replaces the text reported before. */
  partial(recognition: Recognition, startSample: number, endSample: number): void;
}

/** Audio that is to be recognised. */
export interface RecognitionRequest {
  /** Recognitions of one line run in order. */
  readonly line: string;
  /** Called when the recognition begins. */
  readonly audio: () => CutAudio;
  /** Whether the text may become a final. A recognition that may not gives way to everything else. */
  readonly final: boolean;
}

/** When an open utterance is recognised before it ends. */
export type UtteranceTuning = Pick<Tuning, 'firstPartialMs' | 'partialIntervalMs' | 'partialGrowth' | 'eagerSilenceMs'>;

/**
 * An utterance from its first sample to its end: when it is recognised, and which audio its final text is made of. That audio
 * depends on the detector's frames alone, not on how many of them came at once: it ends with the utterance, or where the pause
 * before its end was long enough for an eager recognition.
 */
export class OpenUtterance {
  private judgedSample: number;
  /** Where the present pause became long enough; undefined while there is speech. */
  private pauseSample: number | undefined;
  /** End of the newest partial. */
  private partialEnd: number | undefined;
  private partialWaits = false;
  /** Made in a pause, in case the utterance ends with it. */
  private eager: { readonly endSample: number; readonly recognition: Promise<Recognition> } | undefined;
  private isOver = false;

  constructor(
    readonly startSample: number,
    private readonly recogniser: Recogniser,
    private readonly tuning: UtteranceTuning,
    /** Whether it is recognised before it ends. */
    private readonly isLive: boolean,
  ) {
    this.judgedSample = startSample;
  }

  /** The detector has judged the stream up to this sample and found no speech in the last `quietSamples`. */
  judge(judgedSample: number, quietSamples: number): void {
    this.judgedSample = judgedSample;
    if (quietSamples < samplesOfMs(this.tuning.eagerSilenceMs)) this.pauseSample = undefined;
    else this.pauseSample ??= judgedSample;
  }

  /** Begins the recognitions that are due by what was judged so far. */
  follow(): void {
    if (!this.isLive) return;
    if (this.eager && this.eager.endSample !== this.pauseSample) {
      this.recogniser.drop(this.lineOf('eager'));
      this.eager = undefined;
    }
    if (this.pauseSample === undefined) this.considerPartial();
    else this.eager ??= this.recogniseEagerly(this.pauseSample);
  }

  /** It ends here; resolves to what was said. An eager recognition that failed is made again. */
  end(endSample: number): Promise<Recognition> {
    this.drop();
    const audio = this.recogniser.cut(this.startSample, this.pauseSample ?? endSample);
    const recognise = (): Promise<Recognition> =>
      this.recogniser.recognise({ line: this.lineOf('final'), audio: () => audio, final: true });
    const { eager } = this;
    return eager && eager.endSample === this.pauseSample ? eager.recognition.catch(recognise) : recognise();
  }

  /** No partial of it is reported any more. */
  drop(): void {
    this.isOver = true;
    this.recogniser.drop(this.lineOf('partial'));
  }

  /** In a pause nothing new can be said, so the recognition gets the detail of a final. */
  private recogniseEagerly(endSample: number): OpenUtterance['eager'] {
    this.recogniser.drop(this.lineOf('partial'));
    const audio = this.recogniser.cut(this.startSample, endSample);
    const recognition = this.recogniser.recognise({ line: this.lineOf('eager'), audio: () => audio, final: true });
    recognition.then(
      (recognised) => this.report(recognised, endSample),
      () => undefined,
    );
    return { endSample, recognition };
  }

  /** At most one waits, and its audio is cut when it begins, so that the newest audio is in it. */
  private considerPartial(): void {
    const isDue = this.judgedSample >= nextPartialSample(this.startSample, this.partialEnd, this.tuning);
    if (this.partialWaits || !isDue) return;
    this.partialWaits = true;
    let end = this.judgedSample;
    const audio = (): CutAudio => this.recogniser.cut(this.startSample, (end = this.judgedSample));
    this.recogniser
      .recognise({ line: this.lineOf('partial'), audio, final: false })
      .finally(() => (this.partialWaits = false))
      .then(
        (recognition) => this.report(recognition, end),
        // Only this partial is missed: what ails the stream shows at its next step.
        () => undefined,
      );
  }

  private report(recognition: Recognition, endSample: number): void {
    // Too late when a newer one was reported, or when the utterance has ended and its final is on the way.
    if (this.isOver || endSample < (this.partialEnd ?? 0)) return;
    this.partialEnd = endSample;
    if (soundsLikeNothing(recognition)) return;
    this.recogniser.partial(recognition, this.startSample, endSample);
  }

  private lineOf(purpose: 'partial' | 'eager' | 'final'): string {
    return `${purpose}-${this.startSample}`;
  }
}
