import {
  ClaimGranted,
  encodeFrame,
  heartbeatIntervalMs,
  ProblemError,
  subjects,
  type HeldAttempt,
  type InputEnvelope,
  type Lane,
} from '@app/protocol';
import type { Broker, Delivery } from '../broker';
import type { JobOutput } from '../client';
import { HandBack, type JobHandler, type JobStopped } from '../job-context';
import type { JobLog } from '../job-log';
import { readFrame } from '../wire';
import { Attempt } from './attempt';
import { endAfter, orderedHandBack, type AttemptEnd } from './attempt-end';
import type { GatewayWatch } from './gateway-watch';
import { readJob, type JobAddress } from './job-codec';
import type { EndedJob, JobOutcome } from './worker-contract';

const claimTimeoutMs = 1_000;
/** Pause before a job whose claim was not answered is offered again. */
const unclaimedDelayMs = { alive: 100, unheard: heartbeatIntervalMs };

/** What a held job needs of its worker. */
export interface HeldJobHost {
  readonly broker: Broker;
  readonly workerId: string;
  readonly now: () => number;
  readonly log: JobLog | undefined;
  readonly gateways: GatewayWatch;
  handlerOf(lane: Lane): JobHandler;
  claimed(lane: Lane, waitedMs: number): void;
  /** The job needs its seat no more, though it may not be over. */
  seatFreed(job: HeldJob): void;
  /** `ended` is undefined for a job that was not claimed. */
  over(job: HeldJob, ended: EndedJob | undefined): void;
}

/** A frame of the session that came before the grant: it belongs to the attempt about to begin. */
interface EarlyFrame {
  readonly envelope: InputEnvelope;
  readonly body: Uint8Array;
}

type State =
  | { readonly at: 'claiming'; readonly early: EarlyFrame[] }
  | { readonly at: 'running'; readonly attempt: Attempt }
  /** The handler is done and the seat free; the session has not confirmed the end yet. */
  | { readonly at: 'concluding'; readonly attempt: Attempt }
  | { readonly at: 'over' };

/**
 * One delivery from its claim to its verdict. The message is acked only after the session has said that it took the last output of
 * this very attempt: an ack after a redelivery would delete the job under its new holder. A worker that was overtaken says nothing.
 */
export class HeldJob {
  private state: State = { at: 'claiming', early: [] };
  private readonly draining = new AbortController();
  /** When its gateway was last heard of through this job. */
  private heardAtMs: number;

  constructor(
    private readonly host: HeldJobHost,
    readonly lane: Lane,
    readonly address: JobAddress,
    private readonly delivery: Delivery,
  ) {
    this.heardAtMs = host.now();
  }

  /** Claims the job and runs it; never rejects. */
  async start(): Promise<void> {
    const { jobId, gatewayId } = this.address;
    const request = encodeFrame({ workerId: this.host.workerId, sequence: this.delivery.sequence });
    const answer = await this.host.broker
      .request(subjects.claim(gatewayId, jobId), request, claimTimeoutMs)
      .catch(() => undefined);
    if (this.state.at !== 'claiming') return;
    const granted = answer && readFrame(ClaimGranted, answer)?.header;
    const gateway = this.host.gateways.stateOf(gatewayId);
    if (granted) {
      await this.run(new Attempt(granted, this.address, this.host.now(), this.host), this.state.early);
    } else if (answer || gateway === 'dead') {
      this.delivery.term();
      this.end('gone');
    } else {
      this.delivery.nak(unclaimedDelayMs[gateway]);
      this.end('lost');
    }
  }

  /** A frame from the session. */
  receive(envelope: InputEnvelope, body: Uint8Array): void {
    if (this.state.at === 'over') return;
    if (this.state.at === 'claiming') return void this.state.early.push({ envelope, body });
    const { attempt } = this.state;
    if (envelope.attempt !== attempt.number) return;
    this.heardAtMs = this.host.now();
    switch (envelope.type) {
      case 'input':
        if (!attempt.inputs.take(envelope, body)) this.handBack();
        break;
      case 'count':
        if (!attempt.inputs.has(envelope.sequence ?? 0)) this.handBack();
        break;
      case 'resume':
        this.resend(attempt, envelope.sequence ?? 0);
        break;
      case 'cancel':
        this.cancelled(envelope.superseded ?? false);
        break;
    }
  }

  /** As the worker's heartbeat names it; undefined while it is not granted. */
  get held(): HeldAttempt | undefined {
    if (this.state.at !== 'running' && this.state.at !== 'concluding') return undefined;
    const { number, outputs } = this.state.attempt;
    return { ...this.address, attempt: number, outputs: outputs.count };
  }

  /** Says that the job is still worked on. */
  keepAlive(): void {
    this.delivery.working();
  }

  /** The worker drains. */
  drain(): void {
    this.draining.abort();
  }

  /** Ends it where its gateway is dead. It is offered again, so that its claim decides: the gateway may only have been cut off. */
  judgeGateway(): void {
    if (this.host.gateways.stateOf(this.address.gatewayId, this.heardAtMs) !== 'dead') return;
    this.delivery.nak();
    this.end('gone', 'lost');
  }

  /** Stops in good order; the job goes to another worker. */
  handBack(): void {
    if (this.state.at === 'claiming') {
      this.delivery.nak();
      this.end('handed_back');
    } else if (this.state.at === 'running') {
      this.state.attempt.stop('lost');
      void this.conclude(orderedHandBack);
    }
  }

  /** While it concludes, the session's answer decides. */
  private cancelled(superseded: boolean): void {
    if (superseded) {
      this.end('stale', 'lost');
    } else if (this.state.at === 'running') {
      this.delivery.term();
      this.end('cancelled', 'cancelled');
    }
  }

  private async run(attempt: Attempt, early: readonly EarlyFrame[]): Promise<void> {
    this.state = { at: 'running', attempt };
    this.heardAtMs = this.host.now();
    this.host.claimed(this.lane, attempt.waitMs);
    for (const { envelope, body } of early) this.receive(envelope, body);
    if (!this.isRunning()) return;
    try {
      const { job, body } = readJob(this.lane, this.delivery.payload);
      const delivered = { headers: this.delivery.headers, body };
      const context = attempt.context(delivered, this.draining.signal, this.emit.bind(this));
      await this.host.handlerOf(this.lane)(job, context);
      this.fail(new Error('handler completed without an end'));
    } catch (error) {
      this.fail(error);
    }
  }

  private emit(output: JobOutput, body?: Uint8Array): void {
    if (this.state.at !== 'running') return;
    const { outputs } = this.state.attempt;
    if (output.type === 'end') void this.conclude({ outcome: 'done', content: { output } });
    else this.sent(() => outputs.send({ output }, body));
  }

  private resend({ outputs }: Attempt, sequence: number): void {
    this.sent(() => {
      if (!outputs.resend(sequence)) this.handBack();
    });
  }

  private sent(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.host.log?.error('output could not be sent', { jobId: this.address.jobId, err: error });
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (this.state.at !== 'running') return;
    if (!(error instanceof ProblemError || error instanceof HandBack)) {
      this.host.log?.error('job handler failed', { jobId: this.address.jobId, err: error });
    }
    void this.conclude(endAfter(error));
  }

  /** Frees the seat, has the session confirm the end of the attempt, and only then gives the verdict on the message. */
  private async conclude({ outcome, content, offeredAgainMs }: AttemptEnd): Promise<void> {
    if (this.state.at !== 'running') return;
    const { attempt } = this.state;
    this.leaveSeat();
    this.state = { at: 'concluding', attempt };
    const answer = await attempt.outputs.confirm(content, () => !this.isOver());
    if (this.isOver()) return;
    if (answer === 'gone') this.delivery.term();
    const isHandBack = offeredAgainMs !== undefined;
    if (isHandBack && (answer === 'taken' || answer === undefined)) this.delivery.nak(offeredAgainMs);
    if (!isHandBack && answer === 'taken') this.delivery.ack();
    this.end(answer === 'taken' ? outcome : (answer ?? 'lost'));
  }

  private leaveSeat(): void {
    if (this.state.at === 'running') this.state.attempt.leave(this.host.now());
    this.host.seatFreed(this);
  }

  /** `why`: the handler, if it still runs, is stopped for it. */
  private end(outcome: JobOutcome, why?: JobStopped['why']): void {
    const { state } = this;
    if (state.at === 'over') return;
    if (state.at === 'running' && why) state.attempt.stop(why);
    if (state.at !== 'concluding') this.leaveSeat();
    this.state = { at: 'over' };
    this.delivery.leave?.();
    this.host.over(this, state.at === 'claiming' ? undefined : this.endedJob(state.attempt, outcome));
  }

  private endedJob({ number: attempt, waitMs, runMs }: Attempt, outcome: JobOutcome): EndedJob {
    return { lane: this.lane, kind: this.lane.kind, jobId: this.address.jobId, attempt, outcome, waitMs, runMs };
  }

  private isRunning(): boolean {
    return this.state.at === 'running';
  }

  private isOver(): boolean {
    return this.state.at === 'over';
  }
}
