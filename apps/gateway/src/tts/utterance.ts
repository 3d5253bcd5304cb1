import { ProblemError, samplesOf, type TtsOutput, type TtsResume, type TtsTimings } from '@app/protocol';
import type { Claim, JobClient, JobHandle, JobListener, JobRequest } from '@app/broker';

/** What a worker says of an utterance before its audio. */
export type TtsPlan = Extract<TtsOutput, { type: 'plan' }>;

/** What a context wants to know of its utterances. */
export interface UtteranceObserver {
  /** There is more to take, or it has ended. */
  changed(): void;
  failed(problem: ProblemError): void;
  claimed(waitedMs: number): void;
  /** `busMs`: from publishing to the plan, less what the worker and the queue account for. */
  ended(timings: TtsTimings, busMs: number): void;
}

/** One utterance of a context: its job, and the audio that came of it and was not taken yet. */
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
  ) {}

  /** Of the first attempt; known before any audio. */
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

  /** All its audio is here. */
  get isComplete(): boolean {
    return this.state === 'complete';
  }

  /** Audio that is planned and did not arrive yet, plus what waits to be taken; 0 while there is no plan. */
  get untakenMs(): number {
    if (!this.planned) return 0;
    const waitingSamples = this.waiting.reduce((sum, samples) => sum + samples.length, 0);
    const missing = this.planned.totalSamples - this.receivedSamples;
    return ((missing + waitingSamples) / this.planned.sampleRateHz) * 1000;
  }

  /** Publishes the job; what goes wrong is told to the observer. */
  async publish(jobs: Pick<JobClient, 'submit'>, request: JobRequest): Promise<void> {
    this.state = 'running';
    this.publishedAtMs = performance.now();
    try {
      this.handle = await jobs.submit(request, this);
      if (this.wasCancelled()) this.handle.cancel('cancelled');
    } catch (error) {
      this.fail(ProblemError.from(error));
    }
  }

  /** Audio since the last call, in order. */
  take(): Float32Array[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Stops it wherever it is; the observer hears no more of it. */
  cancel(reason: string): void {
    const wasRunning = this.state === 'running';
    this.state = 'cancelled';
    this.waiting = [];
    if (wasRunning) this.handle?.cancel(reason);
  }

  onClaim(claim: Claim): TtsResume {
    if (claim.attempt === 1) this.waitedMs = claim.waitedMs;
    this.observer.claimed(claim.waitedMs);
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
    this.observer.ended(timings, this.busMs(timings));
    this.observer.changed();
  }

  onProblem(problem: ProblemError): void {
    this.fail(problem);
  }

  /** A later attempt plans again, with the durations it was given: the first plan holds. */
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
