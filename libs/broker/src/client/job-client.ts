import { randomBytes } from 'node:crypto';
import {
  ClaimRequest,
  encodeFrame,
  laneName,
  OutputEnvelope,
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
import { TakenEnds } from './taken-ends';
import type { JobHandle, JobListener, JobRequest } from './job-contract';

/** The identity of the client, and times of the protocol that tests shorten. */
export interface JobClientOptions {
  readonly gatewayId: string;
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
  /** Where jobs are offered. Default: the lanes of the broker. */
  readonly lanes?: JobLanes;
  /** Replaces the wait budget of each function's first job class, in milliseconds. Others wait at least as long. */
  readonly newRequestBudgetMs?: number | undefined;
  /** Interval at which jobs are checked for loss, in milliseconds. */
  readonly checkIntervalMs?: number;
  /** Time after which a waiting job is looked up on NATS, in milliseconds. */
  readonly unprovenMs?: number;
  /** Longest life of a gap in the outputs before a new attempt is made, in milliseconds. */
  readonly gapBoundMs?: number;
  /** Gets the errors of listeners that throw, which are bugs. */
  readonly log?: JobLog;
}

/**
 * The gateway's side of the job protocol. Offers jobs, answers claims, numbers attempts, orders outputs and finds lost
 * jobs. If a worker falls silent, JetStream delivers the message again, and the next claim starts a new attempt. If the
 * message is gone too, heartbeats stop naming the job, and it is published again. Waiting jobs are looked up on NATS.
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

  /** Starts answering claims and receiving outputs. */
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

  /** Throws `bus_unavailable` or `worker_unavailable`, without a listener call, if the job cannot be published. */
  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    const jobId = randomBytes(16).toString('base64url');
    const budgetMs = waitBudgetMs(request.lane, request.jobClass, this.options.newRequestBudgetMs);
    const { gatewayId } = this.options;
    const payload = encodeFrame({ ...request.job, jobId, gatewayId }, request.body);
    const job = new OfferedJob(this, { ...request, jobId, waitBudgetMs: budgetMs, payload }, listener);
    this.jobs.set(jobId, job);
    await job.submit();
    return job;
  }

  /** Number of jobs that were submitted and have not ended. */
  get activeJobs(): number {
    return this.jobs.size;
  }

  /** Cancels all jobs and stops answering. */
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

  /** The verdict on a terminal frame. A repeated frame gets the same one until another worker has the job. */
  private verdictOn(jobId: string, envelope: OutputEnvelope, body: Uint8Array): TerminalAnswer['verdict'] | 'open' {
    const job = this.jobs.get(jobId);
    if (!job?.holder && this.takenEnds.has(jobId, envelope)) return 'taken';
    const verdict = job?.took(envelope, body) ?? 'gone';
    if (verdict === 'taken') this.takenEnds.add(jobId, envelope);
    return verdict;
  }

  /** Tells a worker to drop jobs that it should not hold, since the earlier message may have been lost. */
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

  /** Offers waiting jobs again that are no longer on offer. Asks NATS once for each lane. */
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
