import { randomBytes } from 'node:crypto';
import {
  ClaimRequest,
  encodeFrame,
  laneName,
  OutputEnvelope,
  ProblemError,
  subjects,
  TerminalAnswer,
  waitBudgetMs,
  WorkerHeartbeat,
  type InputEnvelope,
} from '@app/protocol';
import type { Broker, MessageHandler, Subscription } from '../broker';
import type { JobLanes } from '../job-lanes';
import type { JobLog } from '../job-log';
import { deadAfterMs, JudgingRounds, monotonicMs } from '../judging-rounds';
import { readFrame } from '../wire';
import { OfferedJob, type JobHost } from './offered-job';
import { ResultListener } from './result-listener';
import { TakenEnds } from './taken-ends';
import type { JobHandle, JobListener, JobRequest } from './job-contract';

/** Whose jobs they are, and times of the protocol that tests shorten. */
export interface JobClientOptions {
  readonly gatewayId: string;
  /** Monotonic, in milliseconds. */
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

/**
 * The gateway's side of the job protocol: offers jobs, answers claims, numbers attempts, orders outputs, notices stalls.
 * How a lost job is found: when its worker falls silent, JetStream delivers the message again after the ack wait, and the claim that
 * follows starts the next attempt. When the message is gone too (a restarted server has no memory) the worker's heartbeats, which name
 * what it holds, stop to name this job, and it is published again. Waiting jobs are looked up on the bus now and then instead.
 */
export class JobClient implements JobHost {
  readonly now: () => number;
  readonly gapBoundMs: number;
  private readonly jobs = new Map<string, OfferedJob>();
  readonly lanes: JobLanes;
  readonly log: JobLog | undefined;
  private readonly takenEnds: TakenEnds;
  private readonly rounds: JudgingRounds;
  private readonly checkIntervalMs: number;
  private subscriptions: Subscription[] = [];
  private checks: NodeJS.Timeout | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly options: JobClientOptions,
  ) {
    this.lanes = options.lanes ?? broker;
    this.now = options.now ?? monotonicMs;
    this.takenEnds = new TakenEnds(this.now);
    this.checkIntervalMs = options.checkIntervalMs ?? 1_000;
    this.rounds = new JudgingRounds(this.checkIntervalMs, this.now);
    this.gapBoundMs = options.gapBoundMs ?? 1_000;
    this.log = options.log;
  }

  /** Begins to answer claims and to take outputs. */
  async start(): Promise<void> {
    this.subscriptions = [
      this.broker.subscribe(subjects.session(this.options.gatewayId), this.onMessage),
      this.broker.subscribe(subjects.workerPresence, (payload) => this.onWorkerHeartbeat(payload)),
      this.broker.onConnectionChange((connected) => connected && this.onReconnect()),
    ];
    this.checks = setInterval(() => this.check(), this.checkIntervalMs);
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
    await job.submit();
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
  isConnected(): boolean {
    return this.broker.connected;
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
    const verdict = this.verdictOn(jobId, envelope, body);
    if (verdict !== 'open') reply?.(encodeFrame({ verdict } satisfies TerminalAnswer));
  }

  /** A worker that asks again about a last frame hears the same as before, until another one has the job. */
  private verdictOn(jobId: string, envelope: OutputEnvelope, body: Uint8Array): TerminalAnswer['verdict'] | 'open' {
    const job = this.jobs.get(jobId);
    if (!job?.holder && this.takenEnds.has(jobId, envelope)) return 'taken';
    const verdict = job?.took(envelope, body) ?? 'gone';
    if (verdict === 'taken') this.takenEnds.add(jobId, envelope);
    return verdict;
  }

  /** What a worker holds for this gateway and should not, it is told to drop: the word that said so was lost. */
  private onWorkerHeartbeat(payload: Uint8Array): void {
    const heartbeat = readFrame(WorkerHeartbeat, payload)?.header;
    for (const { gatewayId, jobId, attempt, outputs } of heartbeat?.held ?? []) {
      if (!heartbeat || gatewayId !== this.options.gatewayId) continue;
      const job = this.jobs.get(jobId);
      const superseded = job !== undefined;
      if (job?.heardOf(heartbeat.workerId, attempt, outputs)) continue;
      const cancel: InputEnvelope = { attempt, type: 'cancel', reason: 'not wanted', superseded };
      this.sendToWorker(heartbeat.workerId, jobId, cancel);
    }
  }

  private onReconnect(): void {
    for (const job of this.jobs.values()) job.reconnected();
    this.check();
  }

  private check(): void {
    const mayJudge = this.rounds.begin();
    this.takenEnds.forgetOld();
    if (!this.broker.connected) return;
    for (const job of [...this.jobs.values()]) {
      if (mayJudge && job.holder?.isSilentFor(deadAfterMs)) job.lost();
      else job.holder?.inputCount();
    }
    void this.proveWaiting();
  }

  /** Looks whether waiting jobs are still on offer, and offers those again that are not: one question for each lane. */
  private async proveWaiting(): Promise<void> {
    const { unprovenMs = 2_000 } = this.options;
    const byLane = new Map<string, OfferedJob[]>();
    for (const job of this.jobs.values()) {
      if (!job.isUnprovenFor(unprovenMs)) continue;
      const name = laneName(job.offer.lane);
      byLane.set(name, [...(byLane.get(name) ?? []), job]);
    }
    await Promise.all([...byLane.values()].map((jobs) => this.prove(jobs)));
  }

  private async prove(jobs: readonly OfferedJob[]): Promise<void> {
    const offered = jobs.map((job) => ({ job, sequence: job.offer.sequence }));
    for (const { offer } of jobs) offer.provenAt = this.now();
    const lost = await this.lostOf(jobs).catch(() => undefined);
    for (const { job, sequence } of offered) {
      if (job.offer.sequence !== sequence) continue;
      if (sequence === undefined || lost?.has(sequence)) job.offerAgain();
    }
  }

  private async lostOf(jobs: readonly OfferedJob[]): Promise<ReadonlySet<number>> {
    const messages = jobs.flatMap(({ offer: { jobClass, sequence } }) =>
      sequence === undefined ? [] : [{ jobClass, sequence }],
    );
    const lane = jobs[0]?.offer.lane;
    return new Set(lane && messages.length > 0 ? await this.lanes.lostJobs(lane, messages) : []);
  }
}
