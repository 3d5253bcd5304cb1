import {
  isProblemCode,
  laneFunction,
  ProblemError,
  type ClaimGone,
  type ClaimGranted,
  type ClaimRequest,
  type InputEnvelope,
  type Lane,
  type OutputEnvelope,
  type TerminalAnswer,
} from '@app/protocol';
import type { JobHeaders, JobLanes } from '../job-lanes';
import type { JobLog } from '../job-log';
import type { JobHandle, JobInput, JobListener, JobOutput } from './job-contract';
import { OutputOrder } from './output-order';

/** Attempts that may break before the job counts as the cause. */
const crashLimit = 2;

/** What a job needs of its client. */
export interface JobHost {
  /** Where its jobs are offered. */
  readonly lanes: JobLanes;
  readonly now: () => number;
  readonly gapBoundMs: number;
  readonly log: JobLog | undefined;
  sendToWorker(workerId: string, jobId: string, envelope: InputEnvelope, body?: Uint8Array): void;
  ended(jobId: string): void;
}

/** A job as it is offered, each time with the same payload. */
export interface Offer {
  readonly jobId: string;
  readonly lane: Lane;
  readonly jobClass: string;
  readonly payload: Uint8Array;
  readonly headers?: JobHeaders;
  readonly waitBudgetMs: number;
}

/** One job between submit and its end: waits for a worker, is held by one, waits again if that is lost. */
export class OfferedJob implements JobHandle {
  attempt = 0;
  /** Holder of the current attempt; undefined while the job waits. */
  workerId: string | undefined;
  /** When the current attempt was last heard of. */
  lastSignAt: number;
  /** When the job was last known to be on offer. */
  lastProofAt: number;
  private sequence: number | undefined;
  private publishing: Promise<void> | undefined;
  /** A turn after the first publishing, when the caller of `submit` has gone on. */
  private submitted: Promise<void> = Promise.resolve();
  private publishedAt: number;
  private waitTimer: NodeJS.Timeout | undefined;
  private readonly order: OutputOrder;
  private inputs = 0;
  private crashes = 0;
  /** Whether the listener has had output: it is better served by a pause than by the end. */
  private begun = false;
  private over = false;

  constructor(
    private readonly host: JobHost,
    private readonly offer: Offer,
    private readonly listener: JobListener,
  ) {
    this.lastSignAt = this.lastProofAt = this.publishedAt = host.now();
    this.order = new OutputOrder(host.gapBoundMs, {
      resume: (sequence) => this.tellWorker({ attempt: this.attempt, type: 'resume', sequence }),
      giveUp: () => this.restart('ordered'),
    });
  }

  get jobId(): string {
    return this.offer.jobId;
  }

  /** Offers the job; its wait budget starts now. */
  publish(): Promise<void> {
    this.startWaiting();
    const published = this.offerOnce();
    this.submitted = published.then(
      () => new Promise((resolve) => setImmediate(resolve)),
      () => undefined,
    );
    return published;
  }

  /** A worker wants to begin. The answer waits until `submit` has resolved, so that the listener has its handle. */
  async claimed(claim: ClaimRequest): Promise<ClaimGranted | ClaimGone> {
    await this.submitted;
    await this.publishing?.catch(() => undefined);
    // A copy of the message at another place is not the job: only one of them may run, and be acked.
    if (this.over || claim.sequence !== this.sequence) return { gone: true };
    if (this.workerId !== undefined) this.takenFromWorker(claim.workerId);
    if (this.isOver()) return { gone: true };
    return this.grant(claim.workerId) ?? { gone: true };
  }

  /** An output has come. `open` when it is no terminal, or when outputs before it are missing. */
  took(envelope: OutputEnvelope, body: Uint8Array): TerminalAnswer['verdict'] | 'open' {
    if (envelope.attempt !== this.attempt || envelope.workerId !== this.workerId) return 'stale';
    this.lastSignAt = this.host.now();
    if (!this.order.isNext(envelope.sequence)) return 'open';
    if (envelope.handBack) {
      this.handedBack(envelope.handBack, envelope.problem);
      return 'taken';
    }
    if (envelope.problem) {
      this.finish((listener) => listener.onProblem(problemOf(envelope.problem)));
      return 'taken';
    }
    const output = envelope.output as JobOutput | undefined;
    if (output?.type === 'end') {
      this.finish((listener) => listener.onEnd(output));
      return 'taken';
    }
    if (output) {
      this.begun = true;
      this.guarded(() => this.listener.onOutput(output, body));
    }
    return 'open';
  }

  /** A worker's beat names the job. False when it should not hold it. */
  heardOf(workerId: string, attempt: number, outputs: number): boolean {
    if (workerId !== this.workerId || attempt !== this.attempt) return false;
    this.lastSignAt = this.host.now();
    this.order.expect(outputs);
    return true;
  }

  /** Shows the worker a lost last input, which no later one would. */
  tellInputCount(): void {
    if (this.inputs > 0) this.tellWorker({ attempt: this.attempt, type: 'count', sequence: this.inputs });
  }

  send(input: JobInput, body?: Uint8Array): void {
    if (this.over || this.workerId === undefined) return;
    this.tellWorker({ attempt: this.attempt, type: 'input', sequence: this.inputs++, input }, body);
  }

  cancel(reason: string): void {
    if (this.over) return;
    this.tellWorker({ attempt: this.attempt, type: 'cancel', reason });
    this.forget();
    this.remove();
  }

  /** The worker of the current attempt is taken for dead. */
  lost(): void {
    this.restart('crashed');
  }

  /** The bus was away: what was silent had no way to speak, and what was on it may be gone. */
  reconnected(): void {
    this.lastSignAt = this.host.now();
    this.lastProofAt = -Infinity;
  }

  /** Looks whether the waiting job is still on offer, and offers it again if it is not. */
  async prove(): Promise<void> {
    const { sequence } = this;
    this.lastProofAt = this.host.now();
    try {
      if (sequence !== undefined && (await this.host.lanes.hasJob(this.offer.lane, sequence))) return;
      const waits = !this.over && this.workerId === undefined && this.sequence === sequence;
      if (waits) await this.offerOnce();
    } catch {
      // The bus is in trouble: the next check tries again.
    }
  }

  /** Ends without a word to the listener. */
  forget(): void {
    this.over = true;
    clearTimeout(this.waitTimer);
    this.order.reset();
    this.host.ended(this.jobId);
  }

  private grant(workerId: string): ClaimGranted | undefined {
    const now = this.host.now();
    clearTimeout(this.waitTimer);
    this.attempt += 1;
    this.inputs = 0;
    this.workerId = workerId;
    this.lastSignAt = now;
    const claim = { attempt: this.attempt, workerId, waitedMs: now - this.publishedAt };
    const resume = this.guarded(() => this.listener.onClaim(claim));
    if (!resume || this.isOver()) return undefined;
    return { attempt: claim.attempt, resume, waitedMs: claim.waitedMs };
  }

  /** The message was delivered to another while a worker held it: that one missed its keep-alives. */
  private takenFromWorker(claimant: string): void {
    this.tellWorker({ attempt: this.attempt, type: 'cancel', reason: 'superseded', superseded: true });
    // The same worker again means that its grant was lost on the way, not that it died.
    this.attemptEnded(claimant === this.workerId ? 'ordered' : 'crashed');
  }

  private handedBack(how: 'ordered' | 'failed', problem: OutputEnvelope['problem']): void {
    this.attemptEnded(how === 'failed' ? 'crashed' : 'ordered', problem);
  }

  private attemptEnded(how: 'ordered' | 'crashed', problem?: OutputEnvelope['problem']): void {
    this.workerId = undefined;
    this.order.reset();
    if (how === 'crashed') this.crashes += 1;
    if (this.crashes >= crashLimit) {
      this.finish((listener) => listener.onProblem(quarantine(problem)));
      this.remove();
      return;
    }
    this.startWaiting();
  }

  /** The attempt is worth nothing any more, whether its worker knows or not: a fresh copy of the message starts the next one. */
  private restart(how: 'ordered' | 'crashed'): void {
    this.tellWorker({ attempt: this.attempt, type: 'cancel', reason: 'superseded', superseded: true });
    this.remove();
    this.attemptEnded(how);
    if (!this.over) void this.offerOnce().catch(() => undefined);
  }

  /** While it runs the job has no place, so no delivery can be claimed. */
  private offerOnce(): Promise<void> {
    this.publishing ??= this.offerNow().finally(() => {
      this.publishing = undefined;
    });
    return this.publishing;
  }

  private async offerNow(): Promise<void> {
    const { lane, jobClass, payload, headers } = this.offer;
    const lifeMs = this.waitBudgetMs() + laneFunction(lane).longestRunMs;
    this.sequence = undefined;
    this.sequence = await this.host.lanes.publishJob(lane, jobClass, payload, lifeMs, headers);
    this.lastProofAt = this.host.now();
    if (this.over) this.remove();
  }

  private startWaiting(): void {
    this.publishedAt = this.host.now();
    this.lastProofAt = this.publishedAt;
    clearTimeout(this.waitTimer);
    this.waitTimer = setTimeout(() => this.expire(), this.waitBudgetMs());
  }

  private waitBudgetMs(): number {
    const { lane, waitBudgetMs } = this.offer;
    return this.begun ? Math.max(waitBudgetMs, laneFunction(lane).takeOverBudgetMs) : waitBudgetMs;
  }

  private expire(): void {
    const retryAfterSeconds = Math.ceil(this.waitBudgetMs() / 1_000);
    this.finish((listener) => listener.onProblem(new ProblemError('deadline_exceeded', { retryAfterSeconds })));
    this.remove();
  }

  private finish(tell: (listener: JobListener) => void): void {
    this.forget();
    this.guarded(() => tell(this.listener));
  }

  /** From where it is offered, whether it waits there or is held. */
  private remove(): void {
    if (this.sequence === undefined) return;
    void this.host.lanes.deleteJob(this.offer.lane, this.sequence).catch(() => undefined);
  }

  private tellWorker(envelope: InputEnvelope, body?: Uint8Array): void {
    if (this.workerId === undefined) return;
    try {
      this.host.sendToWorker(this.workerId, this.jobId, envelope, body);
    } catch {
      // Without a bus the worker loses the job anyway, and the next claim says where to go on.
    }
  }

  /** A listener that throws has a bug, which must not cost others their jobs. */
  private guarded<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.host.log?.error('job listener failed', { jobId: this.jobId, err: error });
      if (!this.over) {
        this.cancel('listener failed');
        this.guarded(() => this.listener.onProblem(new ProblemError('internal', { cause: error })));
      }
      return undefined;
    }
  }

  private isOver(): boolean {
    return this.over;
  }
}

function problemOf(problem: OutputEnvelope['problem']): ProblemError {
  const code = problem && isProblemCode(problem.code) ? problem.code : 'internal';
  return new ProblemError(code, problem?.detail === undefined ? {} : { detail: problem.detail });
}

/** A worker that said what is wrong is believed; a job after which workers break is not offered again. */
function quarantine(problem: OutputEnvelope['problem']): ProblemError {
  const named = problem && problem.code !== 'internal' && problem.code !== 'worker_unavailable';
  return named ? problemOf(problem) : new ProblemError('job_quarantined');
}
