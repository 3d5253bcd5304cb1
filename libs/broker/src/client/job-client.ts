import { randomBytes } from 'node:crypto';
import {
  ClaimRequest,
  beatIntervalMs,
  encodeFrame,
  missedBeats,
  OutputEnvelope,
  ProblemError,
  subjects,
  TerminalAnswer,
  waitBudgetMs,
  WorkerBeat,
  type InputEnvelope,
} from '@app/protocol';
import type { Broker, MessageHandler, Subscription } from '../broker';
import type { JobLanes } from '../job-lanes';
import type { JobLog } from '../job-log';
import { readFrame } from '../wire';
import { OfferedJob, type JobHost } from './offered-job';
import { ResultListener } from './result-listener';
import type { JobHandle, JobListener, JobRequest } from './job-contract';

/** Whose jobs they are, and times of the protocol that tests shorten. */
export interface JobClientOptions {
  readonly gatewayId: string;
  /** Monotonic or wall clock in milliseconds. */
  readonly now?: () => number;
  /** Where jobs are offered; in the lanes of the broker unless given. */
  readonly lanes?: JobLanes;
  /** In place of the wait budget of each function's first job class; the others wait at least as long. */
  readonly newcomerBudgetMs?: number | undefined;
  /** How often jobs are checked for loss. */
  readonly checkIntervalMs?: number;
  /** How long a waiting job goes without proof that it is still on the bus. */
  readonly unprovenMs?: number;
  /** How long a gap in the outputs may stay open before a new attempt is made. */
  readonly gapBoundMs?: number;
  /** Told of listeners that throw, which is a bug of theirs. */
  readonly log?: JobLog;
}

/** Largest body of a job: with its fields it is one message of the bus, of at most 1 MiB by NATS's default. */
export const maxJobBodyBytes = 1_000_000;

const deadAfterMs = beatIntervalMs * missedBeats;

/**
 * The gateway's side of the job protocol: offers jobs, answers claims, numbers attempts, orders outputs, notices stalls.
 * How a lost job is found: when its worker falls silent, JetStream delivers the message again after the ack wait, and the claim that
 * follows starts the next attempt. When the message is gone too (a restarted server has no memory) the worker's beats, which name
 * what it holds, stop to name this job, and it is published again. Waiting jobs are looked up on the bus now and then instead.
 */
export class JobClient implements JobHost {
  readonly now: () => number;
  readonly gapBoundMs: number;
  private readonly jobs = new Map<string, OfferedJob>();
  readonly lanes: JobLanes;
  readonly log: JobLog | undefined;
  private subscriptions: Subscription[] = [];
  private checks: NodeJS.Timeout | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly options: JobClientOptions,
  ) {
    this.lanes = options.lanes ?? broker;
    this.now = options.now ?? Date.now;
    this.gapBoundMs = options.gapBoundMs ?? 1_000;
    this.log = options.log;
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
    const budgetMs = waitBudgetMs(request.lane, request.jobClass, this.options.newcomerBudgetMs);
    const { gatewayId } = this.options;
    const payload = encodeFrame({ ...request.job, jobId, gatewayId }, request.body);
    const job = new OfferedJob(this, { ...request, jobId, waitBudgetMs: budgetMs, payload }, listener);
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

  /**
   * Runs a job whose only output is its result, and resolves to that; rejects with the problem it ends with, with `cancelled`
   * once the signal aborts, or with `too_large` when its body does not fit on the bus.
   */
  async run(request: JobRequest, signal?: AbortSignal): Promise<object> {
    if ((request.body?.length ?? 0) > maxJobBodyBytes) {
      throw new ProblemError('too_large', { detail: `Send at most ${maxJobBodyBytes} bytes.` });
    }
    if (signal?.aborted) throw new ProblemError('cancelled');
    const listener = new ResultListener();
    const handle = await this.submit(request, listener);
    const onAbort = (): void => {
      handle.cancel('disconnected');
      listener.onProblem(new ProblemError('cancelled'));
    };
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    return listener.result.finally(() => signal?.removeEventListener('abort', onAbort));
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
      const output = readFrame(OutputEnvelope, payload, 'output');
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

  /** What a worker holds for this gateway and should not, it is told to drop: the word that said so was lost. */
  private onWorkerBeat(payload: Uint8Array): void {
    const beat = readFrame(WorkerBeat, payload)?.header;
    for (const { gatewayId, jobId, attempt, outputs } of beat?.held ?? []) {
      if (!beat || gatewayId !== this.options.gatewayId) continue;
      const job = this.jobs.get(jobId);
      const superseded = job !== undefined;
      if (job?.heardOf(beat.workerId, attempt, outputs)) continue;
      const cancel: InputEnvelope = { attempt, type: 'cancel', reason: 'not wanted', superseded };
      this.sendToWorker(beat.workerId, jobId, cancel);
    }
  }

  private onReconnect(): void {
    for (const job of this.jobs.values()) job.reconnected();
    this.check();
  }

  private check(): void {
    if (!this.broker.connected) return;
    const now = this.now();
    for (const job of [...this.jobs.values()]) {
      if (job.workerId === undefined) {
        if (now - job.lastProofAt >= (this.options.unprovenMs ?? 2_000)) void job.prove();
      } else if (now - job.lastSignAt > deadAfterMs) {
        job.lost();
      } else {
        job.tellInputCount();
      }
    }
  }
}
