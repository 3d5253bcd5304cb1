import { HandBack } from '@app/broker';
import { ProblemError, sttSampleRateHz, type SttOutput } from '@app/protocol';
import {
  defaultEndpointerOptions,
  detectorFrameSamples,
  type EndpointEvent,
  type Recognition,
} from '@app/speech/engines';
import { StepDropped } from '../engine/engine-pool';
import { AudioBuffer } from './audio-buffer';
import { OpenUtterance, type Recogniser, type UtteranceTuning } from './open-utterance';
import { samplesOfMs } from './partial-pacing';
import { segmentOf } from './recognition';
import { StreamEngine, type StreamEngineSettings, type SttSteps } from './stream-engine';

/** Finds utterances in the probabilities of frames; counts samples from its own start. */
export interface UtteranceFinder {
  push(probabilities: readonly number[]): readonly EndpointEvent[];
  finish(totalSamples: number): readonly EndpointEvent[];
}

/** What an attempt at an STT stream is told. */
export interface SttStreamSettings extends StreamEngineSettings {
  /** Where in the STT stream this attempt begins. */
  readonly offsetSamples: number;
  /** Absent: finals only. */
  readonly partials?: UtteranceTuning;
}

/** Longest piece that is given to the detector at once: a burst must not hold up other streams. */
const detectSamples = sttSampleRateHz;
/** Kept before the detector's place, for the roll before an utterance that begins there. */
const preRollSamples = samplesOfMs(1_000);
/** Utterances that wait for their text before more audio is taken in… */
const finalsAhead = 3;
/** …or audio, from the first of them on: sessions forget what is 40 s older than what was taken in. */
const samplesAhead = samplesOfMs(35_000);
/** After so much without speech a final without text says that the audio is settled. */
const settleSamples = samplesOfMs(10_000);
/** How often credit is given, in audio. */
const creditStepSamples = samplesOfMs(250);

type Marker = { readonly type: 'finalize'; readonly marker: number } | { readonly type: 'close' };

/**
 * One STT stream: what to detect, when an utterance begins and ends, what to say and in which order. Audio and markers go in,
 * outputs come out through `emit`; `done` settles once the stream has ended, was handed back, or failed.
 */
export class SttStream {
  /** Resolves with `end`; rejects with HandBack, a problem, or StepDropped after `drop`. */
  readonly done: Promise<void>;
  private readonly audio: AudioBuffer;
  private readonly engine: StreamEngine;
  private readonly recogniser: Recogniser;
  private readonly markers: { readonly atSample: number; readonly marker: Marker }[] = [];
  private settle!: { resolve(): void; reject(error: unknown): void };
  private open: OpenUtterance | undefined;
  /** One past the last sample that the detector was given. */
  private detected: number;
  /** How much of what it was given last holds no speech. */
  private quietSamples = 0;
  private credited: number;
  /** One past the last sample that a final covers, or will once it is recognised. */
  private finalEnd: number;
  private finals: Promise<void> = Promise.resolve();
  /** Finals that were not said yet. */
  private readonly pending: { readonly startSample: number; readonly said: Promise<void> }[] = [];
  private isOver = false;
  private isWorking = false;
  private isDraining = false;
  private isSpeaking = false;

  constructor(
    private readonly settings: SttStreamSettings,
    steps: SttSteps,
    private readonly finder: UtteranceFinder,
    private readonly emit: (emission: { readonly output: SttOutput }) => void,
  ) {
    this.audio = new AudioBuffer(settings.offsetSamples);
    this.engine = new StreamEngine(settings, steps, this.audio);
    this.recogniser = {
      recognise: (request) => this.engine.recognise(request),
      drop: (line) => this.engine.drop(line),
      partial: (recognition, from, to) => this.say({ type: 'partial', ...segmentOf(recognition, from, to), words: [] }),
    };
    this.detected = this.credited = this.finalEnd = settings.offsetSamples;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  /** The next samples; those already here are skipped. A gap fails the attempt, so that the session replays it. */
  push(offsetSamples: number, samples: Float32Array): void {
    if (this.isOver) return;
    const known = this.audio.endSample - offsetSamples;
    if (known < 0) return this.fail(new ProblemError('internal', { cause: new Error('audio is missing') }));
    this.audio.append(samples.subarray(known));
    this.work();
  }

  /** Finals for everything so far, then `flushed`. */
  finalize(marker: number): void {
    this.mark({ type: 'finalize', marker });
  }

  /** Finals for everything so far, then `end`. */
  close(): void {
    this.mark({ type: 'close' });
  }

  /** Hand back after the next final, where nothing is lost; at once when no utterance is open. */
  drain(): void {
    this.isDraining = true;
    if (!this.open) this.handBackIfSettled();
  }

  /** Hand back wherever it stands: the session replays what no final covers. */
  handBack(): void {
    this.fail(new HandBack());
  }

  /** Frees everything at once; no step of it runs afterwards. */
  drop(): void {
    this.fail(new StepDropped());
  }

  /** Time of the steps that this stream was part of. */
  get computeMs(): number {
    return this.engine.computeMs;
  }

  /** Audio that was taken in by this attempt. */
  get heardMs(): number {
    return ((this.detected - this.settings.offsetSamples) / sttSampleRateHz) * 1_000;
  }

  private mark(marker: Marker): void {
    this.markers.push({ atSample: this.audio.endSample, marker });
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
      const until = Math.min(next?.atSample ?? Infinity, this.audio.endSample, this.detected + detectSamples);
      if (until > this.detected) {
        await this.detect(until);
        await this.letFinalsCatchUp();
      } else if (next) {
        this.markers.shift();
        this.reach(next.marker);
      } else {
        this.isWorking = false;
        return;
      }
    }
  }

  private async letFinalsCatchUp(): Promise<void> {
    for (let first = this.pending[0]; first; first = this.pending[0]) {
      const isNear = this.pending.length < finalsAhead && this.detected - first.startSample < samplesAhead;
      if (isNear || this.isOver) return;
      await first.said;
    }
  }

  private async detect(until: number): Promise<void> {
    const probabilities = await this.engine.detect(this.detected, until);
    if (this.isOver) return;
    this.detected = until;
    for (const probability of probabilities) {
      this.quietSamples =
        probability < defaultEndpointerOptions.endThreshold ? this.quietSamples + detectorFrameSamples : 0;
    }
    this.follow(this.finder.push(probabilities));
    this.open?.follow(this.detected, this.quietSamples);
    this.settleSilence();
    this.giveCredit();
    this.audio.forgetBefore(Math.min(this.open?.startSample ?? Infinity, this.detected - preRollSamples));
  }

  private follow(events: readonly EndpointEvent[]): void {
    const { offsetSamples, partials } = this.settings;
    for (const event of events) {
      if (event.kind === 'speechStart') {
        const startSample = Math.max(this.finalEnd, event.startSample + offsetSamples);
        this.open = new OpenUtterance(startSample, this.recogniser, partials);
        this.saySpeaking(true, startSample);
      } else {
        const endSample = event.endSample + offsetSamples;
        this.end(endSample);
        if (!event.forced) this.saySpeaking(false, endSample);
      }
    }
  }

  private reach(marker: Marker): void {
    this.follow(this.finder.finish(this.detected - this.settings.offsetSamples));
    const totalSamples = this.detected;
    void this.afterFinals(() => {
      if (marker.type === 'finalize') return this.say({ type: 'flushed', marker: marker.marker });
      this.over(() => {
        // Told last, since whoever hears it drops the stream.
        this.settle.resolve();
        this.emit({ output: { type: 'end', totalSamples } });
      });
    });
  }

  /** The open utterance is over: its text is final from here on. */
  private end(at: number): void {
    const { open } = this;
    if (!open) return;
    this.open = undefined;
    // Samples short of a frame were never judged; what was said up to there is said.
    const endSample = this.detected - at < detectorFrameSamples ? this.detected : at;
    this.finalEnd = endSample;
    const recognised = open.end(endSample);
    // Whoever awaits it comes later; until then a failure is not unhandled.
    recognised.catch(() => undefined);
    const { startSample } = open;
    this.pending.push({ startSample, said: this.afterFinals(() => this.final(recognised, startSample, endSample)) });
  }

  private async final(recognised: Promise<Recognition>, startSample: number, endSample: number): Promise<void> {
    const recognition = await recognised;
    this.pending.shift();
    this.say({ type: 'final', ...segmentOf(recognition, startSample, endSample) });
    if (this.isDraining) this.handBackIfSettled();
  }

  /** Finals, and what must come after them, leave in the order of the audio. */
  private afterFinals(say: () => void | Promise<void>): Promise<void> {
    this.finals = this.finals.then(say).catch((error: unknown) => this.fail(error));
    return this.finals;
  }

  /** After what waits to be said behind the finals, a `flushed` for example. */
  private handBackIfSettled(): void {
    if (this.pending.length === 0) void this.afterFinals(() => this.handBack());
  }

  /** Lets the session forget long silence. */
  private settleSilence(): void {
    const settled = this.detected - preRollSamples;
    if (this.open || this.pending.length > 0 || settled - this.finalEnd < settleSamples) return;
    const startSample = this.finalEnd;
    this.finalEnd = settled;
    const { language } = this.settings;
    this.say({ type: 'final', text: '', language, startSample, endSample: settled, words: [] });
  }

  private giveCredit(): void {
    if (this.detected - this.credited < creditStepSamples) return;
    this.credited = this.detected;
    this.say({ type: 'credit', consumedSamples: this.detected });
  }

  private saySpeaking(speaking: boolean, atSample: number): void {
    if (speaking !== this.isSpeaking) this.say({ type: 'speech', speaking, atSample });
    this.isSpeaking = speaking;
  }

  private say(output: SttOutput): void {
    if (!this.isOver) this.emit({ output });
  }

  private fail(error: unknown): void {
    this.over(() => this.settle.reject(error));
  }

  private over(settle: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    this.open?.drop();
    this.engine.release();
    settle();
  }
}
