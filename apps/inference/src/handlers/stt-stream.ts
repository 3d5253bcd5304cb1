import { HandBack, type JobEmission } from '@app/broker';
import { ProblemError, sttSampleRateHz, type SttOutput } from '@app/protocol';
import type { Tuning } from '@app/speech/batching';
import type { EndpointEvent, Recognition, SttStep, SttStepResult } from '@app/speech/engines';
import { StepDropped, type StepDone, type StepRequest } from '../engine/engine-pool';
import { AudioBuffer } from './audio-buffer';
import { nextPartialSample, samplesOfMs } from './partial-pacing';
import { segmentOf, soundsLikeNothing } from './recognition';

/** The part of an engine pool that hearing needs. */
export interface SttSteps {
  run(request: StepRequest<SttStep>): Promise<StepDone<SttStepResult>>;
  drop(id: string): void;
  dropLine(line: string): void;
}

/** Finds utterances in the probabilities of frames; counts samples from its own start. */
export interface UtteranceFinder {
  push(probabilities: readonly number[]): readonly EndpointEvent[];
  finish(totalSamples: number): readonly EndpointEvent[];
}

export interface SttStreamSettings {
  /** Id of the engine's state. */
  readonly id: string;
  /** Where in the STT stream this attempt begins. */
  readonly offsetSamples: number;
  readonly language: string;
  readonly words: boolean;
  /** Without partials. */
  readonly upload: boolean;
  readonly tuning: Pick<Tuning, 'firstPartialMs' | 'partialIntervalMs' | 'partialGrowth'>;
  readonly now: () => number;
}

/** Longest piece that is given to the detector at once: a burst must not hold up other streams. */
const detectSamples = 16_000;
/** Kept before the detector's place, for the roll before an utterance that begins there. */
const preRollSamples = samplesOfMs(1_000);
/** Utterances that wait for their text before more audio is taken in. */
const finalsAhead = 3;
/** After so much without speech a final without text says that the audio is settled. */
const settleSamples = samplesOfMs(10_000);
/** How often credit is given, in audio. */
const creditStepSamples = samplesOfMs(250);

interface OpenUtterance {
  readonly startSample: number;
  /** End of the newest partial asked for. */
  partialEnd: number | undefined;
  partialOutstanding: boolean;
}

type Marker = { readonly type: 'finalize'; readonly marker: number } | { readonly type: 'close' };

/**
 * One STT stream: what to detect, when to recognise, what to say and in which order. Audio and markers go in, outputs come out
 * through `emit`; `done` settles once the stream has ended, was handed back, or failed.
 */
export class SttStream {
  /** Resolves after `end`; rejects with HandBack, a problem, or StepDropped after `drop`. */
  readonly done: Promise<void>;
  private readonly audio: AudioBuffer;
  private readonly markers: { readonly atSample: number; readonly marker: Marker }[] = [];
  private settle!: { resolve(): void; reject(error: unknown): void };
  private isOver = false;
  private isWorking = false;
  private open: OpenUtterance | undefined;
  /** One past the last sample that the detector was given. */
  private detected: number;
  private credited: number;
  /** One past the last sample that a final covers, or will once it is recognised. */
  private finalEnd: number;
  private finals: Promise<void> = Promise.resolve();
  /** Finals that were not said yet. */
  private readonly pending: Promise<void>[] = [];
  private draining = false;
  private speaking = false;
  private stepMs = 0;

  constructor(
    private readonly settings: SttStreamSettings,
    private readonly steps: SttSteps,
    private readonly finder: UtteranceFinder,
    private readonly emit: (emission: JobEmission) => void,
  ) {
    this.audio = new AudioBuffer(settings.offsetSamples);
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
    this.draining = true;
    if (!this.open && this.pending.length === 0) void this.afterFinals(() => this.handBack());
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
    return this.stepMs;
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
    this.workOff()
      .catch((error: unknown) => this.fail(error))
      .finally(() => (this.isWorking = false));
  }

  private async workOff(): Promise<void> {
    while (!this.isOver) {
      const next = this.markers[0];
      const until = Math.min(next?.atSample ?? Infinity, this.audio.endSample, this.detected + detectSamples);
      if (until > this.detected) {
        await this.detect(until);
        while (this.pending.length >= finalsAhead) await this.pending[0];
      } else if (next) {
        this.markers.shift();
        this.reach(next.marker);
      } else {
        return;
      }
    }
  }

  private async detect(until: number): Promise<void> {
    const samples = this.audio.slice(this.detected, until);
    const done = await this.run({ op: 'detect', id: this.settings.id, samples });
    if (this.isOver || done.op !== 'detect') return;
    this.detected = until;
    this.follow(this.finder.push(done.probabilities));
    this.considerPartial();
    this.settleSilence();
    this.giveCredit();
    this.audio.forgetBefore(Math.min(this.open?.startSample ?? Infinity, this.detected - preRollSamples));
  }

  private follow(events: readonly EndpointEvent[]): void {
    const { offsetSamples } = this.settings;
    for (const event of events) {
      const startSample = Math.max(this.finalEnd, event.startSample + offsetSamples);
      if (event.kind === 'speechStart') {
        this.open = { startSample, partialEnd: undefined, partialOutstanding: false };
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
    this.steps.dropLine(this.line('partial'));
    // Samples short of a frame were never judged; what was said up to there is said.
    const endSample = this.detected - at < 512 ? this.detected : at;
    this.finalEnd = endSample;
    const recognised = this.recognise(open.startSample, endSample);
    // Whoever awaits it comes later; until then a failure is not unhandled.
    recognised.catch(() => undefined);
    this.pending.push(
      this.afterFinals(async () => {
        const recognition = await recognised;
        void this.pending.shift();
        this.say({ type: 'final', ...segmentOf(recognition, open.startSample, endSample) });
        if (this.draining && this.pending.length === 0) void this.afterFinals(() => this.handBack());
      }),
    );
  }

  /** Finals, and what must come after them, leave in the order of the audio. */
  private afterFinals(say: () => void | Promise<void>): Promise<void> {
    this.finals = this.finals.then(say).catch((error: unknown) => this.fail(error));
    return this.finals;
  }

  private async recognise(startSample: number, endSample: number): Promise<Recognition> {
    const samples = this.audio.slice(startSample, endSample);
    const { id, language, words } = this.settings;
    const result = await this.run({ op: 'transcribe', id, samples, language, words });
    if (result.op !== 'transcribe') throw new ProblemError('internal', { cause: new Error('not a recognition') });
    return result.recognition;
  }

  /** At most one is outstanding, and it is made of what is there when it runs: the newest wins. */
  private considerPartial(): void {
    const { open } = this;
    if (!open || this.settings.upload || open.partialOutstanding) return;
    if (this.detected < nextPartialSample(open.startSample, open.partialEnd, this.settings.tuning)) return;
    open.partialOutstanding = true;
    // A partial that fails is only missed: what ails the stream shows at its next step.
    this.partial(open).catch(() => undefined);
  }

  private async partial(open: OpenUtterance): Promise<void> {
    let endSample = this.detected;
    const { id, language } = this.settings;
    const done = this.steps.run({
      id,
      line: this.line('partial'),
      batchKey: 'transcribe',
      dueMs: Infinity,
      stateful: false,
      make: () => {
        endSample = this.detected;
        const samples = this.audio.slice(open.startSample, endSample);
        return { op: 'transcribe', id, samples, language, words: false };
      },
    });
    const { result, tookMs } = await done.finally(() => {
      open.partialOutstanding = false;
      open.partialEnd = endSample;
    });
    this.stepMs += tookMs;
    // Too late when the utterance has ended: its final is on the way.
    if (this.open !== open || result.op !== 'transcribe') return;
    if (!soundsLikeNothing(result.recognition)) {
      this.say({ type: 'partial', ...segmentOf(result.recognition, open.startSample, endSample) });
    }
    this.considerPartial();
  }

  private async run(step: SttStep): Promise<SttStepResult> {
    const { id, now } = this.settings;
    const stateful = step.op === 'detect';
    const line = stateful ? id : this.line('final');
    const done = await this.steps.run({ id, line, batchKey: step.op, dueMs: now(), stateful, make: () => step });
    this.stepMs += done.tookMs;
    return done.result;
  }

  /** Lets the session forget long silence. */
  private settleSilence(): void {
    const settled = this.detected - preRollSamples;
    if (this.open || this.pending.length > 0 || settled - this.finalEnd < settleSamples) return;
    const startSample = this.finalEnd;
    this.finalEnd = settled;
    const language = this.settings.language;
    this.say({ type: 'final', text: '', language, startSample, endSample: settled, words: [] });
  }

  private giveCredit(): void {
    if (this.detected - this.credited < creditStepSamples) return;
    this.credited = this.detected;
    this.say({ type: 'credit', consumedSamples: this.detected });
  }

  private saySpeaking(speaking: boolean, atSample: number): void {
    if (speaking !== this.speaking) this.say({ type: 'speech', speaking, atSample });
    this.speaking = speaking;
  }

  private line(of: 'partial' | 'final'): string {
    return `${this.settings.id}/${of}`;
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
    this.open = undefined;
    this.steps.drop(this.settings.id);
    settle();
  }
}
