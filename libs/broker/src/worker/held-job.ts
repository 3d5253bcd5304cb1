import {
  ClaimGranted,
  encodeFrame,
  ProblemError,
  subjects,
  TerminalAnswer,
  type InputEnvelope,
  type Lane,
  type OutputEnvelope,
} from '@app/protocol';
import type { Broker, Delivery } from '../broker';
import { HandBack, JobStopped, type JobContext, type JobHandler } from '../job-context';
import type { JobOutput } from '../client';
import type { JobLog } from '../job-log';
import { readFrame } from '../wire';
import { InputQueue } from './input-queue';
import { readJob, type JobAddress } from './job-codec';
import { SentFrames } from './sent-frames';
import type { JobOutcome } from './worker-contract';

const claimTimeoutMs = 1_000;
const confirmTimeoutMs = 500;
const confirmTries = 3;
/** Pause before a job whose claim was not answered is offered again. */
const unclaimedDelayMs = 100;
/** Pause before a job that broke is offered again: an engine that died needs a moment. */
const failedDelayMs = 20;
const resendBytes = 8 * 1024 * 1024;

/** What a held job needs of its worker. */
export interface HeldJobHost {
  readonly broker: Broker;
  readonly workerId: string;
  readonly now: () => number;
  readonly log: JobLog | undefined;
  handlerOf(lane: Lane): JobHandler;
  isGatewayAlive(gatewayId: string): boolean;
  claimed(job: HeldJob, waitedMs: number): void;
  /** The job needs its seat no more, though it may not be over. */
  seatFreed(job: HeldJob): void;
  over(job: HeldJob, outcome: JobOutcome): void;
}

/**
 * One delivery from its claim to its verdict. The message is acked only after the session has said that it took the last output of
 * this very attempt: an ack after a redelivery would delete the job under its new holder. A worker that was overtaken says nothing.
 */
export class HeldJob {
  attempt = 0;
  waitedMs = 0;
  claimedAt: number;
  /** When its gateway was last heard of through this job. */
  lastHeardAt: number;
  runMs = 0;
  private readonly sent = new SentFrames(resendBytes);
  private readonly queue = new InputQueue();
  private readonly early: { envelope: InputEnvelope; body: Uint8Array }[] = [];
  private readonly stopping = new AbortController();
  private readonly draining = new AbortController();
  private seated = true;
  private concluding = false;
  private isOver = false;

  constructor(
    private readonly host: HeldJobHost,
    readonly lane: Lane,
    readonly address: JobAddress,
    private readonly delivery: Delivery,
  ) {
    this.claimedAt = this.lastHeardAt = host.now();
  }

  /** Claims the job and runs it; never rejects. */
  async start(): Promise<void> {
    const granted = await this.claim();
    if (!granted || this.isOver) return;
    this.attempt = granted.attempt;
    this.waitedMs = granted.waitedMs;
    this.claimedAt = this.lastHeardAt = this.host.now();
    this.host.claimed(this, granted.waitedMs);
    for (const { envelope, body } of this.early.splice(0)) this.receive(envelope, body);
    if (this.seated) void this.run(granted);
  }

  /** A frame from the session. What comes before the grant belongs to the attempt about to begin. */
  receive(envelope: InputEnvelope, body: Uint8Array): void {
    if (this.isOver) return;
    if (this.attempt === 0) {
      this.early.push({ envelope, body });
      return;
    }
    if (envelope.attempt !== this.attempt) return;
    this.lastHeardAt = this.host.now();
    switch (envelope.type) {
      case 'input':
        if (!this.queue.take(envelope, body)) this.handBack();
        break;
      case 'count':
        if (!this.queue.has(envelope.sequence ?? 0)) this.handBack();
        break;
      case 'resume':
        this.resend(envelope.sequence ?? 0);
        break;
      case 'cancel':
        this.cancelled(envelope.superseded ?? false);
        break;
    }
  }

  /** Outputs sent so far. */
  get outputs(): number {
    return this.sent.next;
  }

  /** Says that the job is still worked on. */
  keepAlive(): void {
    this.delivery.working();
  }

  /** The worker drains. */
  drain(): void {
    this.draining.abort();
  }

  /** Nobody is there to take outputs. Offered again, so that its claim decides: the gateway may only have been cut off. */
  gatewayDied(): void {
    this.delivery.nak();
    this.stop('lost');
    this.end('gone');
  }

  /** Stops in good order; the job goes to another worker. */
  handBack(): void {
    if (this.attempt === 0) {
      this.delivery.nak();
      this.end('handed_back');
    } else {
      if (!this.concluding) this.stop('lost');
      void this.conclude({ handBack: 'ordered' }, 'handed_back', () => this.delivery.nak());
    }
  }

  /** While it concludes, the session's answer decides. */
  private cancelled(superseded: boolean): void {
    if (superseded) {
      this.stop('lost');
      this.end('stale');
    } else if (!this.concluding) {
      this.delivery.term();
      this.stop('cancelled');
      this.end('cancelled');
    }
  }

  private async claim(): Promise<ClaimGranted | undefined> {
    const { jobId, gatewayId } = this.address;
    const request = encodeFrame({ workerId: this.host.workerId, sequence: this.delivery.sequence });
    const answer = await this.host.broker
      .request(subjects.claim(gatewayId, jobId), request, claimTimeoutMs)
      .catch(() => undefined);
    if (this.isOver) return undefined;
    if (!answer && this.host.isGatewayAlive(gatewayId)) {
      this.delivery.nak(unclaimedDelayMs);
      this.end('lost');
      return undefined;
    }
    const granted = answer && readFrame(ClaimGranted, answer, 'resume')?.header;
    if (granted) return granted;
    this.delivery.term();
    this.end('gone');
    return undefined;
  }

  private async run(granted: ClaimGranted): Promise<void> {
    try {
      const { job, body } = readJob(this.lane, this.delivery.payload);
      await this.host.handlerOf(this.lane)(job, this.contextOf(granted, body));
      this.fail(new Error('the handler completed without an end'));
    } catch (error) {
      this.fail(error);
    }
  }

  private contextOf(granted: ClaimGranted, body: Uint8Array): JobContext {
    return {
      jobId: this.address.jobId,
      attempt: granted.attempt,
      headers: this.delivery.headers,
      body,
      resume: granted.resume,
      inputs: this.queue,
      signal: this.stopping.signal,
      drain: this.draining.signal,
      emit: (output, emitted) => this.emit(output, emitted),
    };
  }

  private emit(output: JobOutput, body?: Uint8Array): void {
    if (this.concluding || this.isOver) return;
    if (output.type === 'end') void this.conclude({ output }, 'done', () => this.delivery.ack());
    else this.publish(this.frame({ output }, body));
  }

  private fail(error: unknown): void {
    if (this.concluding || this.isOver) return;
    const { jobId } = this.address;
    if (error instanceof HandBack) {
      void this.conclude({ handBack: 'ordered' }, 'handed_back', () => this.delivery.nak());
      return;
    }
    if (!(error instanceof ProblemError)) this.host.log?.error('job handler failed', { jobId, err: error });
    const problem = ProblemError.from(error);
    const envelope = { problem: { code: problem.code, detail: problem.detail } };
    if (error instanceof ProblemError && problem.row.retryable) {
      void this.conclude({ ...envelope, handBack: 'failed' }, 'failed', () => this.delivery.nak(failedDelayMs));
    } else {
      void this.conclude(envelope, 'problem', () => this.delivery.ack());
    }
  }

  /** Frees the seat, has the session confirm the end of the attempt, and only then gives the verdict on the message. */
  private async conclude(
    terminal: Pick<OutputEnvelope, 'output' | 'problem' | 'handBack'>,
    outcome: JobOutcome,
    verdict: () => void,
  ): Promise<void> {
    if (this.concluding || this.isOver) return;
    this.concluding = true;
    this.leaveSeat();
    const answer = await this.confirm(this.frame(terminal));
    if (this.isOver) return;
    if (answer === 'taken' || (answer === undefined && terminal.handBack)) verdict();
    if (answer === 'gone') this.delivery.term();
    this.end(answer === 'taken' ? outcome : (answer ?? 'lost'));
  }

  private async confirm(frame: Uint8Array): Promise<TerminalAnswer['verdict'] | undefined> {
    const subject = this.outputSubject;
    for (let tries = 0; tries < confirmTries && !this.isOver; tries += 1) {
      const answer = await this.host.broker.request(subject, frame, confirmTimeoutMs).catch(() => undefined);
      const verdict = answer && readFrame(TerminalAnswer, answer)?.header.verdict;
      if (verdict) return verdict;
    }
    return undefined;
  }

  private resend(sequence: number): void {
    const frames = this.sent.from(sequence);
    if (frames) for (const frame of frames) this.publish(frame);
    else this.handBack();
  }

  /** The next frame of the attempt, kept for a resume. */
  private frame(content: Pick<OutputEnvelope, 'output' | 'problem' | 'handBack'>, body?: Uint8Array): Uint8Array {
    const { workerId } = this.host;
    const envelope: OutputEnvelope = { workerId, attempt: this.attempt, sequence: this.sent.next, ...content };
    const frame = encodeFrame(envelope, body);
    this.sent.add(frame);
    return frame;
  }

  private publish(frame: Uint8Array): void {
    try {
      this.host.broker.publish(this.outputSubject, frame);
    } catch (error) {
      this.host.log?.error('output could not be sent', { jobId: this.address.jobId, bytes: frame.length, err: error });
      this.fail(error);
    }
  }

  private get outputSubject(): string {
    return subjects.output(this.address.gatewayId, this.address.jobId);
  }

  /** Stops the handler. */
  private stop(why: JobStopped['why']): void {
    this.stopping.abort(new JobStopped(why));
  }

  private leaveSeat(): void {
    if (!this.seated) return;
    this.seated = false;
    this.runMs = this.host.now() - this.claimedAt;
    this.queue.close();
    this.host.seatFreed(this);
  }

  private end(outcome: JobOutcome): void {
    if (this.isOver) return;
    this.isOver = true;
    this.leaveSeat();
    this.delivery.leave?.();
    this.host.over(this, outcome);
  }
}
