import { ProblemError, samplesOf, type TtsOutput, type TtsResume, type TtsTimings } from '@app/protocol';
import type { Claim, JobHandle, JobListener, JobRequest } from '@app/broker';
import type { RequestScope } from '../scope/request-scope';
import type { TtsMeasures } from './tts-measures';

/** The plan of an utterance, which a worker sends before the audio. */
export type TtsPlan = Extract<TtsOutput, { type: 'plan' }>;

/** The callbacks of an utterance. */
export interface UtteranceObserver {
  /** Called when there is more audio, or when the utterance has ended. */
  changed(): void;
  failed(problem: ProblemError): void;
}

/** One utterance of a context: its job, and the received audio that was not taken yet. */
export class Utterance implements JobListener {
  private handle: JobHandle | undefined;
  private waiting: Float32Array[] = [];
  private receivedSamples = 0;
  private state: 'unpublished' | 'running' | 'complete' | 'cancelled' = 'unpublished';
  private planned: TtsPlan | undefined;
  private publishedAtMs = 0;
  private waitedMs = 0;
  private plannedAfterMs = 0;

  constructor(
    readonly text: string,
    private readonly observer: UtteranceObserver,
    private readonly measures: Pick<TtsMeasures, 'claimed' | 'utteranceEnded'>,
  ) {}

  /** The plan of the first attempt. Known before any audio. */
  get plan(): TtsPlan | undefined {
    return this.planned;
  }

  get isPublished(): boolean {
    return this.state !== 'unpublished';
  }

  /** Whether a worker may still be busy with it. */
  get isOutstanding(): boolean {
    return this.state === 'running';
  }

  /** Whether all its audio has arrived. */
  get isComplete(): boolean {
    return this.state === 'complete';
  }

  /** Length of the planned audio that was not taken yet, whether it has arrived or not. 0 while there is no plan. */
  get untakenMs(): number {
    if (!this.planned) return 0;
    const waitingSamples = this.waiting.reduce((sum, samples) => sum + samples.length, 0);
    const missing = this.planned.totalSamples - this.receivedSamples;
    return ((missing + waitingSamples) / this.planned.sampleRateHz) * 1000;
  }

  /** Publishes the job. The observer is called for failures. */
  async publish(jobs: Pick<RequestScope, 'submit'>, request: JobRequest): Promise<void> {
    this.state = 'running';
    this.publishedAtMs = performance.now();
    try {
      this.handle = await jobs.submit(request, this);
      if (this.wasCancelled()) this.handle.cancel('cancelled');
    } catch (error) {
      this.fail(ProblemError.from(error));
    }
  }

  /** Returns the audio since the last call, in order. */
  take(): Float32Array[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Cancels the utterance in any state. The observer is not called again. */
  cancel(reason: string): void {
    const wasRunning = this.state === 'running';
    this.state = 'cancelled';
    this.waiting = [];
    if (wasRunning) this.handle?.cancel(reason);
  }

  onClaim(claim: Claim): void {
    if (claim.attempt === 1) this.waitedMs = claim.waitedMs;
    this.measures.claimed(claim.waitedMs);
  }

  resume(): TtsResume {
    return { offsetSamples: this.receivedSamples, ...(this.planned ? { durations: this.planned.durations } : {}) };
  }

  onOutput(output: TtsOutput, body: Uint8Array): void {
    if (this.state !== 'running') return;
    if (output.type === 'plan') this.onPlan(output);
    else if (output.type === 'audio') this.onAudio(output.offsetSamples, body);
  }

  onEnd({ totalSamples, timings }: Extract<TtsOutput, { type: 'end' }>): void {
    if (this.state !== 'running') return;
    if (this.receivedSamples !== totalSamples || totalSamples !== this.planned?.totalSamples)
      return this.fail(incomplete());
    this.state = 'complete';
    this.measures.utteranceEnded(timings, this.busMs(timings));
    this.observer.changed();
  }

  onProblem(problem: ProblemError): void {
    this.fail(problem);
  }

  /** A later attempt sends a plan again, with the durations that it was given. The first plan stays. */
  private onPlan(plan: TtsPlan): void {
    if (this.planned && this.planned.totalSamples !== plan.totalSamples) return this.fail(incomplete());
    if (this.planned) return;
    this.planned = plan;
    this.plannedAfterMs = performance.now() - this.publishedAtMs;
    this.observer.changed();
  }

  private onAudio(offsetSamples: number, body: Uint8Array): void {
    const samples = samplesOf(body);
    const known = this.receivedSamples - offsetSamples;
    if (known < 0 || !this.planned) return this.fail(incomplete());
    if (known >= samples.length) return;
    const fresh = samples.subarray(known);
    this.waiting.push(fresh);
    this.receivedSamples += fresh.length;
    this.observer.changed();
  }

  private busMs({ seatWaitMs, frontendMs, encodeMs }: TtsTimings): number {
    return Math.max(0, this.plannedAfterMs - this.waitedMs - seatWaitMs - frontendMs - encodeMs);
  }

  private fail(problem: ProblemError): void {
    if (this.state !== 'running') return;
    this.cancel('failed');
    this.observer.failed(problem);
  }

  private wasCancelled(): boolean {
    return this.state === 'cancelled';
  }
}

const incomplete = (): ProblemError =>
  new ProblemError('internal', { cause: new Error('audio of an utterance is incomplete') });
