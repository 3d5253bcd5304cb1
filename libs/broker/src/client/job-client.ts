import { randomBytes } from 'node:crypto';
import {
  ClaimRequest,
  beatIntervalMs,
  encodeFrame,
  laneFunction,
  missedBeats,
  OutputEnvelope,
  ProblemError,
  subjects,
  TerminalAnswer,
  WorkerBeat,
  type InputEnvelope,
} from '@app/protocol';
import type { Broker, MessageHandler, Subscription } from '../broker';
import { readFrame } from '../wire';
import { OfferedJob, type JobHost } from './offered-job';
import type { JobHandle, JobListener, JobRequest } from './job-contract';

export interface JobClientOptions {
  readonly gatewayId: string;
  /** Monotonic or wall clock in milliseconds. */
  readonly now?: () => number;
  /** In place of the wait budgets of the function graph. */
  readonly waitBudgetMs?: number;
  /** How often jobs are checked for loss. */
  readonly checkIntervalMs?: number;
  /** How long a waiting job goes without proof that it is still on the bus. */
  readonly unprovenMs?: number;
  /** How long a gap in the outputs may stay open before a new attempt is made. */
  readonly gapBoundMs?: number;
}

const deadAfterMs = beatIntervalMs * missedBeats;

/**
 * The gateway's side of the job protocol: offers jobs, answers claims, numbers attempts, orders outputs, notices stalls.
 * A job is found lost in one of two ways. Its worker went silent: JetStream delivers the message again when the ack wait is over,
 * and the claim that follows starts the next attempt. Its message went (a restarted server has no memory): jobs that no live worker
 * holds are looked up on the bus now and then, and published again when they are not there.
 */
export class JobClient implements JobHost {
  readonly now: () => number;
  readonly gapBoundMs: number;
  private readonly jobs = new Map<string, OfferedJob>();
  private readonly beats = new Map<string, number>();
  private subscriptions: Subscription[] = [];
  private checks: NodeJS.Timeout | undefined;

  constructor(
    readonly broker: Broker,
    private readonly options: JobClientOptions,
  ) {
    this.now = options.now ?? Date.now;
    this.gapBoundMs = options.gapBoundMs ?? 1_000;
  }

  /** Begins to answer claims and to take outputs. */
  async start(): Promise<void> {
    this.subscriptions = [
      this.broker.subscribe(subjects.session(this.options.gatewayId), this.onMessage),
      this.broker.subscribe(subjects.workerPresence, (payload) => this.onWorkerBeat(payload)),
      this.broker.onConnectionChange((connected) => connected && this.onReconnect()),
    ];
    this.checks = setInterval(() => this.check(), this.options.checkIntervalMs ?? 1_000);
    this.checks.unref();
    await this.broker.flush();
  }

  /** Throws `bus_unavailable` or `worker_unavailable` when the job could not be put on the bus; the listener then hears nothing. */
  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    const jobId = randomBytes(16).toString('base64url');
    const waitBudgetMs = this.options.waitBudgetMs ?? laneFunction(request.lane).waitBudgetMs;
    const payload = encodeFrame({ ...request.job, jobId, gatewayId: this.options.gatewayId, waitBudgetMs });
    const job = new OfferedJob(this, { ...request, jobId, waitBudgetMs, payload }, listener);
    this.jobs.set(jobId, job);
    try {
      await job.publish();
    } catch (error) {
      this.jobs.delete(jobId);
      job.forget();
      throw ProblemError.from(error);
    }
    return job;
  }

  /** Jobs submitted and not ended. */
  get activeJobs(): number {
    return this.jobs.size;
  }

  /** Cancels what is left and stops answering. */
  async close(): Promise<void> {
    clearInterval(this.checks);
    const left = [...this.jobs.values()];
    for (const job of left) job.cancel('gateway closed');
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
    if (this.broker.connected) await this.broker.flush();
  }

  /** For jobs. */
  sendToWorker(workerId: string, jobId: string, envelope: InputEnvelope, body?: Uint8Array): void {
    this.broker.publish(subjects.input(workerId, jobId), encodeFrame(envelope, body));
  }

  /** For jobs. */
  ended(jobId: string): void {
    this.jobs.delete(jobId);
  }

  private readonly onMessage: MessageHandler = (payload, subject, reply) => {
    const [jobId = '', what] = subject.split('.').slice(-2);
    if (what === 'claim' && reply) {
      const claim = readFrame(ClaimRequest, payload);
      if (claim) this.onClaim(jobId, claim.header, reply);
    }
    if (what === 'output') {
      const output = readFrame(OutputEnvelope, payload);
      if (output) this.onOutput(jobId, output.header, output.body, reply);
    }
  };

  private onClaim(jobId: string, claim: ClaimRequest, reply: (payload: Uint8Array) => void): void {
    const job = this.jobs.get(jobId);
    if (job) void job.claimed(claim).then((answer) => reply(encodeFrame(answer)));
    else reply(encodeFrame({ gone: true }));
  }

  private onOutput(
    jobId: string,
    envelope: OutputEnvelope,
    body: Uint8Array,
    reply?: (payload: Uint8Array) => void,
  ): void {
    const verdict = this.jobs.get(jobId)?.took(envelope, body) ?? 'gone';
    if (verdict !== 'open') reply?.(encodeFrame({ verdict } satisfies TerminalAnswer));
  }

  private onWorkerBeat(payload: Uint8Array): void {
    const beat = readFrame(WorkerBeat, payload)?.header;
    if (beat) this.beats.set(beat.workerId, this.now());
  }

  private onReconnect(): void {
    for (const job of this.jobs.values()) job.reconnected();
    this.check();
  }

  private check(): void {
    if (!this.broker.connected) return;
    const now = this.now();
    for (const [workerId, beatAt] of this.beats) if (now - beatAt > deadAfterMs) this.beats.delete(workerId);
    for (const job of [...this.jobs.values()]) {
      const silentMs = now - Math.max(job.lastSignAt, this.beats.get(job.workerId ?? '') ?? 0);
      if (job.workerId !== undefined) {
        if (silentMs > deadAfterMs) job.lost();
      } else if (now - job.lastProofAt >= (this.options.unprovenMs ?? 2_000)) {
        void job.prove();
      }
    }
  }
}
