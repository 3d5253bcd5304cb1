import {
  bodyOf,
  ProblemError,
  type Span,
  type TtsJob,
  type TtsOutput,
  type TtsResume,
  type TtsTimings,
} from '@app/protocol';
import { Playback, type Due } from '@app/speech/batching';
import type { TtsStep, TtsStepResult, UtterancePlan, Window } from '@app/speech/engines';
import type { Opened } from '../engine/engine.messages';
import { StepDropped, type StepDone, type StepRequest } from '../engine/engine-pool';

/** The part of an engine pool that TTS uses. */
export interface TtsSteps {
  run(request: StepRequest<TtsStep>): Promise<StepDone<TtsStepResult>>;
  drop(id: string): void;
}

/** The point at which an attempt begins. */
export interface TtsAttempt extends Readonly<TtsResume> {
  readonly attempt: number;
}

/** See `Tuning`; `now` is the clock of the engine pool. */
export interface TtsUtteranceSettings {
  readonly playbackMarginMs: number;
  readonly startPatienceMs: number;
  readonly now: () => number;
}

/** The measurements of an utterance. */
export interface UtteranceReport {
  readonly timings: TtsTimings;
  /** Milliseconds from claim to the first audio sent. Undefined if no audio was needed. */
  readonly firstAudioMs: number | undefined;
  /** Duration of the audio of this attempt. */
  readonly audioMs: number;
}

/**
 * Synthesises one utterance: encoder, first window, then each further window when its playback is near. Emits the audio
 * in order.
 */
export class TtsUtterance {
  private readonly id: string;
  private readonly startedAtMs: number;
  private readonly playback: Playback;
  private firstStepAtMs: number | undefined;
  private firstAudioMs: number | undefined;
  private decodeMs = 0;
  private firstWindowMs = 0;
  private dropped = false;

  constructor(
    private readonly job: TtsJob,
    private readonly attempt: TtsAttempt,
    private readonly steps: TtsSteps,
    private readonly settings: TtsUtteranceSettings,
    private readonly emit: (output: TtsOutput, body?: Uint8Array) => void,
  ) {
    this.id = `${job.jobId}.${attempt.attempt}`;
    this.startedAtMs = settings.now();
    this.playback = new Playback({
      startedAtMs: this.startedAtMs,
      bufferedMs: job.bufferedMs,
      marginMs: settings.playbackMarginMs,
      startPatienceMs: settings.startPatienceMs,
    });
  }

  /** Resolves when `end` was emitted. Rejects with a problem, or with StepDropped after `drop`. */
  async run(): Promise<UtteranceReport> {
    try {
      const { plan, opened } = await this.encode();
      this.emitPlan(plan, opened.sampleRateHz);
      await this.speak(plan, opened);
      const timings = this.timings(plan);
      this.emit({ type: 'end', totalSamples: plan.totalSamples, timings });
      const samples = Math.max(0, plan.totalSamples - this.attempt.offsetSamples);
      return { timings, firstAudioMs: this.firstAudioMs, audioMs: (samples / opened.sampleRateHz) * 1_000 };
    } finally {
      this.drop();
    }
  }

  /** Frees everything at once. No step of it runs afterwards. */
  drop(): void {
    if (this.dropped) return;
    this.dropped = true;
    this.steps.drop(this.id);
  }

  private async encode(): Promise<{ plan: UtterancePlan; opened: Opened }> {
    const { text, voice, seed, speed } = this.job;
    const { durations } = this.attempt;
    const utterance = { text, voice, seed, speed, ...(durations ? { durations } : {}) };
    const done = await this.step({
      id: this.id,
      ...this.playback.first,
      stateful: true,
      make: () => ({ op: 'encode', id: this.id, utterance }),
    });
    this.firstStepAtMs = done.startedAtMs;
    const { result, opened } = done;
    if (result.op !== 'encode' || !opened)
      throw new ProblemError('internal', { cause: new Error('not an encode result') });
    return { plan: result.plan, opened };
  }

  /** Requests the first window alone. The deadlines of the others depend on when it was sent. */
  private async speak(plan: UtterancePlan, { batchKeys, sampleRateHz }: Opened): Promise<void> {
    const needed = plan.windows.flatMap((window, index) =>
      window.endSample > this.attempt.offsetSamples ? [{ window, index, batchKey: batchKeys[index] }] : [],
    );
    const [first, ...later] = needed;
    if (!first) return;
    this.emitAudio(first.window, await this.decode(first.index, this.playback.first, first.batchKey));
    const nowMs = this.settings.now();
    this.firstAudioMs = nowMs - this.startedAtMs;
    this.playback.sent(Math.max(first.window.startSample, this.attempt.offsetSamples), nowMs);
    const decoding = later.map(({ window, index, batchKey }) => ({
      window,
      samples: this.decode(index, this.playback.due(window, sampleRateHz), batchKey),
    }));
    // One failure ends the utterance. The failures of the other steps must not count as unhandled rejections.
    for (const { samples } of decoding) samples.catch(() => undefined);
    for (const { window, samples } of decoding) this.emitAudio(window, await samples);
  }

  private async decode(window: number, due: Due, batchKey: string | undefined): Promise<Float32Array> {
    const done = await this.step({
      id: this.id,
      ...due,
      batchKey,
      stateful: true,
      make: () => ({ op: 'decode', id: this.id, window }),
    });
    this.decodeMs += done.tookMs;
    this.firstWindowMs ||= done.tookMs;
    if (done.result.op !== 'decode') throw new ProblemError('internal', { cause: new Error('not a decode result') });
    return done.result.samples;
  }

  /** Runs a step. If the utterance was dropped meanwhile, no further step follows. */
  private async step(request: StepRequest<TtsStep>): Promise<StepDone<TtsStepResult>> {
    const done = await this.steps.run(request);
    if (this.dropped) throw new StepDropped();
    return done;
  }

  private emitPlan(plan: UtterancePlan, sampleRateHz: number): void {
    this.emit({
      type: 'plan',
      sampleRateHz,
      totalSamples: plan.totalSamples,
      durations: plan.durations,
      words: plan.words.map(({ word, startSample, endSample }): Span => [word, startSample, endSample]),
      phonemes: plan.phonemes.map(({ phoneme, startSample, endSample }): Span => [phoneme, startSample, endSample]),
    });
  }

  /** A later attempt may begin in the middle of a window. */
  private emitAudio(window: Window, samples: Float32Array): void {
    const skip = Math.max(0, this.attempt.offsetSamples - window.startSample);
    const offsetSamples = window.startSample + skip;
    this.emit({ type: 'audio', offsetSamples }, bodyOf(samples.subarray(skip)));
  }

  private timings(plan: UtterancePlan): TtsTimings {
    return {
      seatWaitMs: (this.firstStepAtMs ?? this.startedAtMs) - this.startedAtMs,
      frontendMs: plan.frontendMs,
      encodeMs: plan.encodeMs,
      decodeMs: this.decodeMs,
      firstWindowMs: this.firstWindowMs,
    };
  }
}
