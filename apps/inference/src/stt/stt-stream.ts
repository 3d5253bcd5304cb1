import { HandBack } from '@app/broker';
import { ProblemError, sttSampleRateHz, type SttOutput } from '@app/protocol';
import { detectorFrameSamples, type EndpointEvent } from '@app/speech/engines';
import { StepDropped } from '../engine/engine-pool';
import { AudioBuffer } from './audio-buffer';
import { FinalOrder } from './final-order';
import { OpenUtterance, type Recogniser, type UtteranceTuning } from './open-utterance';
import { samplesOfMs } from './partial-pacing';
import { segmentOf } from './recognition';
import { SpeechFrames } from './speech-frames';
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
  readonly tuning: UtteranceTuning;
  /** Whether partials are reported; finals are the same with and without them. */
  readonly partials: boolean;
}

/** Longest piece that is given to the detector at once: a burst must not hold up other streams. */
const detectSamples = sttSampleRateHz;
/** Kept before the detector's place, for the roll before an utterance that begins there. */
const preRollSamples = samplesOfMs(1_000);
/** After so much without speech a final without text says that the audio is settled. */
const settleSamples = samplesOfMs(10_000);
/** How often credit is given, in audio. */
const creditStepSamples = samplesOfMs(250);

/** `draining`: to be handed back where nothing is lost. `over`: settled, and nothing more is said. */
type Life = 'open' | 'draining' | 'over';

type Marker = { readonly type: 'finalize'; readonly marker: number } | { readonly type: 'close' };

/**
 * One STT stream: what to detect, when an utterance begins and ends, what to say and in which order. Audio and markers go in,
 * outputs come out through `emit`; `done` settles once the stream has ended, was handed back, or failed.
 */
export class SttStream {
  /** Resolves with `end`; rejects with HandBack, a problem, or StepDropped after `drop`. */
  readonly done: Promise<void>;
  private readonly audio: AudioBuffer;
  private readonly frames: SpeechFrames;
  private readonly engine: StreamEngine;
  private readonly recogniser: Recogniser;
  private readonly markers: { readonly atSample: number; readonly marker: Marker }[] = [];
  private settle!: { resolve(): void; reject(error: unknown): void };
  private open: OpenUtterance | undefined;
  /** One past the last sample that the detector was given. */
  private detected: number;
  private credited: number;
  /** One past the last sample that a final covers, or will once it is recognised. */
  private finalEnd: number;
  private readonly finals = new FinalOrder((error) => this.fail(error));
  private life: Life = 'open';
  /** Whether what has come in is being worked on. */
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
    if (this.isOver) return;
    this.life = 'draining';
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
    // Frame by frame: how many came at once must not show in what is recognised.
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
      // Samples short of a frame were never judged; what was said up to there is said.
      this.end(this.detected - at < detectorFrameSamples ? this.detected : at);
    }
    const totalSamples = this.detected;
    void this.finals.after(() => {
      if (marker.type === 'finalize') return this.say({ type: 'flushed', marker: marker.marker });
      this.over(() => {
        // Told last, since whoever hears it drops the stream.
        this.settle.resolve();
        this.emit({ output: { type: 'end', totalSamples } });
      });
    });
  }

  /** The open utterance is over: its text is final from here on. */
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

  /** After what waits to be said behind the finals, a `flushed` for example. */
  private handBackIfSettled(): void {
    if (this.finals.isEmpty) void this.finals.after(() => this.handBack());
  }

  /** Lets the session forget long silence. */
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
