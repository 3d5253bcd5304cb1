import type { Tuning } from '@app/speech/batching';
import type { Recognition, SampleSpan } from '@app/speech/engines';
import { nextPartialSample, samplesOfMs } from './partial-pacing';
import { soundsLikeNothing } from './recognition';

/** Audio cut from a stream, with the parts in which the detector found speech. */
export interface CutAudio {
  readonly samples: Float32Array;
  readonly speech: readonly SampleSpan[];
}

/** The functions of the STT stream that an utterance uses. */
export interface Recogniser {
  /** A copy of the stream's audio in [startSample, endSample). */
  cut(startSample: number, endSample: number): CutAudio;
  /** Recognises the audio. Rejects if the recognition is dropped. */
  recognise(request: RecognitionRequest): Promise<Recognition>;
  /** Drops a recognition that has not begun. */
  drop(line: string): void;
  /** Reports a partial of an open utterance. It replaces the partial before it. */
  partial(recognition: Recognition, startSample: number, endSample: number): void;
}

/** Audio that is to be recognised. */
export interface RecognitionRequest {
  /** Recognitions of the same line run in order. */
  readonly line: string;
  /** Called when the recognition begins. */
  readonly audio: () => CutAudio;
  /** Whether the text may become a final. All other recognitions have a lower priority. */
  readonly final: boolean;
}

/** The settings that decide when an open utterance is recognised before it ends. */
export type UtteranceTuning = Pick<Tuning, 'firstPartialMs' | 'partialIntervalMs' | 'partialGrowth' | 'eagerSilenceMs'>;

/**
 * An utterance from its first sample to its end. Decides when it is recognised and which audio its final text comes
 * from. That audio depends on the detector's frames alone, not on how many of them arrived at once. It ends with the
 * utterance, or at the last pause before its end that was long enough for an eager recognition.
 */
export class OpenUtterance {
  private judgedSample: number;
  /** The current pause: where it began, and where it became long enough. Undefined while there is speech. */
  private pause: { readonly startSample: number; readonly longEnoughSample: number } | undefined;
  /** End of the latest partial. */
  private partialEnd: number | undefined;
  /** A recognition that was started in a pause, in case the utterance ends with it. */
  private eager: { readonly endSample: number; readonly recognition: Promise<Recognition> } | undefined;
  /** `asked`: a partial was asked for and is not recognised yet. `over`: no more partials are reported. */
  private partials: 'none' | 'asked' | 'over' = 'none';

  constructor(
    readonly startSample: number,
    private readonly recogniser: Recogniser,
    private readonly tuning: UtteranceTuning,
    /** Whether it is recognised before it ends. */
    private readonly isLive: boolean,
  ) {
    this.judgedSample = startSample;
  }

  /**
   * Call this when the detector has judged the stream up to this sample and found no speech in the last `quietSamples`.
   */
  judge(judgedSample: number, quietSamples: number): void {
    this.judgedSample = judgedSample;
    if (quietSamples < samplesOfMs(this.tuning.eagerSilenceMs)) this.pause = undefined;
    else this.pause ??= { startSample: judgedSample - quietSamples, longEnoughSample: judgedSample };
  }

  /** Starts the recognitions that are due. */
  follow(): void {
    if (!this.isLive) return;
    if (this.eager?.endSample !== this.pause?.longEnoughSample) this.dropEager();
    if (!this.pause) this.considerPartial();
    else this.eager ??= this.recogniseEagerly(this.pause.longEnoughSample);
  }

  /** Ends the utterance and returns its recognition. A failed eager recognition is repeated. */
  end(endSample: number): Promise<Recognition> {
    this.drop();
    // A long utterance is cut in a pause that may lie before the current one. The speech between them is not part of it.
    const { pause } = this;
    const until = pause && pause.startSample <= endSample ? pause.longEnoughSample : endSample;
    if (this.eager?.endSample !== until) this.dropEager();
    const audio = this.recogniser.cut(this.startSample, until);
    const recognise = (): Promise<Recognition> =>
      this.recogniser.recognise({ line: this.lineOf('final'), audio: () => audio, final: true });
    return this.eager ? this.eager.recognition.catch(recognise) : recognise();
  }

  /** Stops reporting partials. */
  drop(): void {
    this.partials = 'over';
    this.recogniser.drop(this.lineOf('partial'));
  }

  private dropEager(): void {
    if (!this.eager) return;
    this.recogniser.drop(this.lineOf('eager'));
    this.eager = undefined;
  }

  /** Starts a recognition in a pause. Nothing new can be said in it, so the recognition has the quality of a final. */
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

  /**
   * Starts a partial if it is due. At most one waits. Its audio is cut when it begins, so that it contains the newest
   * audio.
   */
  private considerPartial(): void {
    const isDue = this.judgedSample >= nextPartialSample(this.startSample, this.partialEnd, this.tuning);
    if (this.partials !== 'none' || !isDue) return;
    this.partials = 'asked';
    let end = this.judgedSample;
    const audio = (): CutAudio => this.recogniser.cut(this.startSample, (end = this.judgedSample));
    this.recogniser
      .recognise({ line: this.lineOf('partial'), audio, final: false })
      .finally(() => {
        if (this.partials === 'asked') this.partials = 'none';
      })
      .then(
        (recognition) => this.report(recognition, end),
        // Only this partial is lost. A lasting failure will appear at the next step of the stream.
        () => undefined,
      );
  }

  private report(recognition: Recognition, endSample: number): void {
    // A partial is too late if a newer one was reported or if the utterance has ended.
    if (this.partials === 'over' || endSample < (this.partialEnd ?? 0)) return;
    this.partialEnd = endSample;
    if (soundsLikeNothing(recognition)) return;
    this.recogniser.partial(recognition, this.startSample, endSample);
  }

  private lineOf(purpose: 'partial' | 'eager' | 'final'): string {
    return `${purpose}-${this.startSample}`;
  }
}
