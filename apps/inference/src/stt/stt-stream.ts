import { HandBack } from '@app/broker';
import { ProblemError, type SttOutput } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import { detectorFrameSamples, type EndpointEvent } from '@app/speech/engines';
import { StepDropped } from '../engine/engine-pool';
import { AudioBuffer } from './audio-buffer';
import { FinalOrder } from './final-order';
import { OpenUtterance, type Recogniser, type UtteranceTuning } from './open-utterance';
import { samplesOfMs } from './partial-pacing';
import { segmentOf } from './recognition';
import { SpeechFrames } from './speech-frames';
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

/** Most samples that the detector gets at once, so that a burst does not delay other streams. */
const detectSamples = sttSampleRateHz;
/** Samples kept before the detector's position, for the pre-roll of an utterance that begins there. */
const preRollSamples = samplesOfMs(1_000);
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
  private readonly audio: AudioBuffer;
  private readonly frames: SpeechFrames;
  private readonly engine: StreamEngine;
  private readonly recogniser: Recogniser;
  private readonly markers: { readonly atSample: number; readonly marker: Marker }[] = [];
  private settle!: { resolve(): void; reject(error: unknown): void };
  private open: OpenUtterance | undefined;
  /** The sample after the last one that the detector got. */
  private detected: number;
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
    this.audio = new AudioBuffer(settings.offsetSamples);
    this.frames = new SpeechFrames(settings.offsetSamples);
    this.engine = new StreamEngine(settings, steps);
    this.recogniser = {
      cut: (from, to) => ({ samples: this.audio.slice(from, to), speech: this.frames.speechWithin(from, to) }),
      recognise: (request) => (this.isOver ? Promise.reject(new StepDropped()) : this.engine.recognise(request)),
      drop: (line) => this.engine.drop(line),
      partial: (recognition, from, to) => this.say({ type: 'partial', ...segmentOf(recognition, from, to), words: [] }),
    };
    this.detected = this.credited = this.finalEnd = settings.offsetSamples;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  /** Adds the next samples and skips repeated ones. A gap fails the attempt, so that the session sends them again. */
  push(offsetSamples: number, samples: Float32Array): void {
    if (this.isOver) return;
    const known = this.audio.endSample - offsetSamples;
    if (known < 0) return this.fail(new ProblemError('internal', { cause: new Error('audio is missing') }));
    this.audio.append(samples.subarray(known));
    this.work();
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

  /** Duration of the audio that this attempt has received. */
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
        await this.finals.room(this.detected, () => this.isOver);
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
    const probabilities = await this.engine.detect(this.audio.slice(this.detected, until));
    if (this.isOver) return;
    this.detected = until;
    // Frame by frame, so that the transcript does not depend on how many frames arrived at once.
    for (const probability of probabilities) {
      this.frames.take(probability);
      this.open?.judge(this.frames.endSample, this.frames.quietSamples);
      this.follow(this.finder.push([probability]));
      this.settleSilence();
    }
    this.open?.follow();
    this.giveCredit();
    const wanted = Math.min(this.open?.startSample ?? Infinity, this.frames.endSample - preRollSamples);
    this.audio.forgetBefore(wanted);
    this.frames.forgetBefore(wanted);
  }

  private follow(events: readonly EndpointEvent[]): void {
    const { offsetSamples, tuning, partials } = this.settings;
    for (const event of events) {
      if (event.kind === 'speechEnd') this.end(event.endSample + offsetSamples);
      else {
        const startSample = Math.max(this.finalEnd, event.startSample + offsetSamples);
        this.open = new OpenUtterance(startSample, this.recogniser, tuning, partials);
        this.open.judge(this.frames.endSample, this.frames.quietSamples);
      }
    }
  }

  private reach(marker: Marker): void {
    for (const event of this.finder.finish(this.detected - this.settings.offsetSamples)) {
      if (event.kind !== 'speechEnd') continue;
      const at = event.endSample + this.settings.offsetSamples;
      // The detector never judges the samples that do not fill a frame.
      this.end(this.detected - at < detectorFrameSamples ? this.detected : at);
    }
    const totalSamples = this.detected;
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
    const settled = this.frames.endSample - preRollSamples;
    if (this.open || !this.finals.isEmpty || settled - this.finalEnd < settleSamples) return;
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
