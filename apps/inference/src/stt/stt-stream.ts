import { HandBack } from '@app/broker';
import { ProblemError, type SttOutput } from '@app/protocol';
import { detectorFrameSamples, type EndpointEvent } from '@app/speech/engines';
import { StepDropped } from '../engine/engine-pool';
import { FinalOrder } from './final-order';
import { HeardAudio } from './heard-audio';
import { OpenUtterance, type Recogniser, type UtteranceTuning } from './open-utterance';
import { samplesOfMs } from './partial-pacing';
import { segmentOf } from './recognition';
import { StreamEngine, type StreamEngineSettings, type SttSteps } from './stream-engine';

/** Finds utterances in frame probabilities. Counts samples from its own start. */
export interface UtteranceFinder {
  push(probabilities: readonly number[]): readonly EndpointEvent[];
  finish(totalSamples: number): readonly EndpointEvent[];
}

/** The settings of an attempt at an STT stream. */
export interface SttStreamSettings extends StreamEngineSettings {
  /** The sample of the STT stream at which this attempt begins. */
  readonly offsetSamples: number;
  readonly tuning: UtteranceTuning;
  /** Whether partials are reported. They do not change the finals. */
  readonly partials: boolean;
}

/** After this many samples without speech, a final without text reports that the audio is settled. */
const settleSamples = samplesOfMs(10_000);
/** Amount of audio between two credits. */
const creditStepSamples = samplesOfMs(250);

/** `draining`: handed back when nothing is lost. `over`: ended, and no more outputs follow. */
type Life = 'open' | 'draining' | 'over';

type Marker = { readonly type: 'finalize'; readonly marker: number } | { readonly type: 'close' };

/**
 * One STT stream on a worker: decides what to detect, when utterances begin and end, and the order of outputs. Outputs
 * are sent with `emit`. `done` settles when the stream has ended, was handed back, or failed.
 */
export class SttStream {
  /** Resolves after `end` was sent. Rejects with HandBack, a problem, or StepDropped after `drop`. */
  readonly done: Promise<void>;
  private readonly heard: HeardAudio;
  private readonly engine: StreamEngine;
  private readonly recogniser: Recogniser;
  private readonly markers: { readonly atSample: number; readonly marker: Marker }[] = [];
  private settle!: { resolve(): void; reject(error: unknown): void };
  private open: OpenUtterance | undefined;
  private credited: number;
  /** The sample after the last one that a final covers, or will cover once it is recognised. */
  private finalEnd: number;
  private readonly finals = new FinalOrder((error) => this.fail(error));
  private life: Life = 'open';
  /** Whether received audio is being processed. */
  private isWorking = false;

  constructor(
    private readonly settings: SttStreamSettings,
    steps: SttSteps,
    private readonly finder: UtteranceFinder,
    private readonly emit: (emission: { readonly output: SttOutput }) => void,
  ) {
    this.heard = new HeardAudio(settings.offsetSamples);
    this.engine = new StreamEngine(settings, steps);
    this.recogniser = {
      cut: (from, to) => this.heard.cut(from, to),
      recognise: (request) => (this.isOver ? Promise.reject(new StepDropped()) : this.engine.recognise(request)),
      drop: (line) => this.engine.drop(line),
      partial: (recognition, from, to) => this.say({ type: 'partial', ...segmentOf(recognition, from, to), words: [] }),
    };
    this.credited = this.finalEnd = settings.offsetSamples;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  /** Adds the next samples and skips repeated ones. A gap fails the attempt, so that the session sends them again. */
  push(offsetSamples: number, samples: Float32Array): void {
    if (this.isOver) return;
    if (this.heard.append(offsetSamples, samples)) this.work();
    else this.fail(new ProblemError('internal', { cause: new Error('audio is missing') }));
  }

  /** Makes finals for all audio so far, then sends `flushed`. */
  finalize(marker: number): void {
    this.mark({ type: 'finalize', marker });
  }

  /** Makes finals for all audio so far, then sends `end`. */
  close(): void {
    this.mark({ type: 'close' });
  }

  /** Hands back after the next final, when nothing is lost, or at once if no utterance is open. */
  drain(): void {
    if (this.isOver) return;
    this.life = 'draining';
    if (!this.open) this.handBackIfSettled();
  }

  /** Hands back in any state. The session sends the audio again that no final covers. */
  handBack(): void {
    this.fail(new HandBack());
  }

  /** Frees everything at once. No step of it runs afterwards. */
  drop(): void {
    this.fail(new StepDropped());
  }

  /** Compute time of the steps of this stream, in milliseconds. */
  get computeMs(): number {
    return this.engine.computeMs;
  }

  /** Duration of the audio that the detector got from this attempt, in milliseconds. */
  get heardMs(): number {
    return this.heard.detectedMs;
  }

  private mark(marker: Marker): void {
    this.markers.push({ atSample: this.heard.endSample, marker });
    this.work();
  }

  private work(): void {
    if (this.isWorking || this.isOver) return;
    this.isWorking = true;
    this.workOff().catch((error: unknown) => this.fail(error));
  }

  private async workOff(): Promise<void> {
    while (!this.isOver) {
      const next = this.markers[0];
      const until = Math.min(next?.atSample ?? Infinity, this.heard.detectableSample);
      if (until > this.heard.detectedSample) {
        await this.detect(until);
        await this.finals.room(this.heard.detectedSample, () => this.isOver);
      } else if (next) {
        this.markers.shift();
        this.reach(next.marker);
      } else {
        this.isWorking = false;
        return;
      }
    }
  }

  private async detect(until: number): Promise<void> {
    const probabilities = await this.engine.detect(this.heard.undetected(until));
    if (this.isOver) return;
    this.heard.detectedUntil(until);
    // Frame by frame, so that the transcript does not depend on how many frames arrived at once.
    for (const probability of probabilities) {
      this.heard.judge(probability);
      this.open?.judge(this.heard.judgedSample, this.heard.quietSamples);
      this.follow(this.finder.push([probability]));
      this.settleSilence();
    }
    this.open?.follow();
    this.giveCredit();
    this.heard.forget(this.open?.startSample);
  }

  private follow(events: readonly EndpointEvent[]): void {
    const { offsetSamples, tuning, partials } = this.settings;
    for (const event of events) {
      if (event.kind === 'speechEnd') this.end(event.endSample + offsetSamples);
      else {
        const startSample = Math.max(this.finalEnd, event.startSample + offsetSamples);
        this.open = new OpenUtterance(startSample, this.recogniser, tuning, partials);
        this.open.judge(this.heard.judgedSample, this.heard.quietSamples);
      }
    }
  }

  private reach(marker: Marker): void {
    const totalSamples = this.heard.detectedSample;
    for (const event of this.finder.finish(totalSamples - this.settings.offsetSamples)) {
      if (event.kind !== 'speechEnd') continue;
      const at = event.endSample + this.settings.offsetSamples;
      // The detector never judges the samples that do not fill a frame.
      this.end(totalSamples - at < detectorFrameSamples ? totalSamples : at);
    }
    void this.finals.after(() => {
      if (marker.type === 'finalize') return this.say({ type: 'flushed', marker: marker.marker });
      this.over(() => {
        // Settled last, since its receiver drops the stream.
        this.settle.resolve();
        this.emit({ output: { type: 'end', totalSamples } });
      });
    });
  }

  /** Ends the open utterance. Its text is final from here on. */
  private end(endSample: number): void {
    const { open } = this;
    if (!open) return;
    this.open = undefined;
    this.finalEnd = endSample;
    const { startSample } = open;
    this.finals.add(startSample, open.end(endSample), (recognition) => {
      this.say({ type: 'final', ...segmentOf(recognition, startSample, endSample) });
      if (this.life === 'draining') this.handBackIfSettled();
    });
  }

  /** Hands back after the outputs that follow the finals, such as `flushed`. */
  private handBackIfSettled(): void {
    if (this.finals.isEmpty) void this.finals.after(() => this.handBack());
  }

  /** Sends a final without text after long silence, so that the session can drop the audio. */
  private settleSilence(): void {
    const settled = this.heard.settledSample;
    if (this.open || !this.finals.isEmpty || settled - this.finalEnd < settleSamples) return;
    const startSample = this.finalEnd;
    this.finalEnd = settled;
    const { language } = this.settings;
    this.say({ type: 'final', text: '', language, startSample, endSample: settled, words: [] });
  }

  private giveCredit(): void {
    const consumedSamples = this.heard.detectedSample;
    if (consumedSamples - this.credited < creditStepSamples) return;
    this.credited = consumedSamples;
    this.say({ type: 'credit', consumedSamples });
  }

  private get isOver(): boolean {
    return this.life === 'over';
  }

  private say(output: SttOutput): void {
    if (!this.isOver) this.emit({ output });
  }

  private fail(error: unknown): void {
    this.over(() => this.settle.reject(error));
  }

  private over(settle: () => void): void {
    if (this.isOver) return;
    this.life = 'over';
    this.open?.drop();
    this.engine.release();
    settle();
  }
}
