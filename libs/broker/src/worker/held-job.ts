import { ProblemError, type HeldAttempt, type InputEnvelope, type Lane } from '@app/protocol';
import type { Delivery } from '../broker';
import type { JobOutput } from '../client';
import { HandBack, type JobHandler, type JobStopped } from '../job-context';
import type { JobLog } from '../job-log';
import { Attempt } from './attempt';
import { endAfter, orderedHandBack, type AttemptEnd } from './attempt-end';
import { claim, type Claimant } from './claim';
import { readJob, type JobAddress } from './job-codec';
import type { EndedJob, JobOutcome } from './worker-contract';

/** The functions of the worker that a held job uses. */
export interface HeldJobHost extends Claimant {
  readonly now: () => number;
  readonly log: JobLog | undefined;
  handlerOf(lane: Lane): JobHandler;
  claimed(lane: Lane, waitedMs: number): void;
  /** Called when the job does not need its seat any more, though it may not be over. */
  seatFreed(job: HeldJob): void;
  /** `ended` is undefined for a job that was not claimed. */
  over(job: HeldJob, ended: EndedJob | undefined): void;
}

/** A frame that arrived before the grant. It belongs to the attempt that is about to begin. */
interface EarlyFrame {
  readonly envelope: InputEnvelope;
  readonly body: Uint8Array;
}

type State =
  | { readonly at: 'claiming'; readonly early: EarlyFrame[] }
  | { readonly at: 'running'; readonly attempt: Attempt }
  /** The handler has finished and the seat is free. The session has not confirmed the end yet. */
  | { readonly at: 'concluding'; readonly attempt: Attempt }
  | { readonly at: 'over' };

/**
 * One delivery from its claim to its verdict. The message is acked only after the session has confirmed the last output
 * of this attempt: an ack after a redelivery would delete the job of its new holder.
 */
export class HeldJob {
  private state: State = { at: 'claiming', early: [] };
  private readonly draining = new AbortController();
  /** Time of the latest message of its gateway about this job. */
  private heardAtMs: number;

  constructor(
    private readonly host: HeldJobHost,
    readonly lane: Lane,
    readonly address: JobAddress,
    private readonly delivery: Delivery,
  ) {
    this.heardAtMs = host.now();
  }

  /** Claims the job and runs it. Never rejects. */
  async start(): Promise<void> {
    const claimed = await claim(this.host, this.address, this.delivery.sequence);
    if (this.state.at !== 'claiming') return;
    switch (claimed.answer) {
      case 'granted':
        return this.run(new Attempt(claimed.granted, this.address, this.host), this.state.early);
      case 'gone':
        this.delivery.term();
        return this.end('gone');
      case 'none':
        this.delivery.nak(claimed.delayMs);
        return this.end('lost');
    }
  }

  /** Handles a frame from the session. */
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

  /** The entry in the worker's heartbeat. Undefined while the job is not granted. */
  get held(): HeldAttempt | undefined {
    if (this.state.at !== 'running' && this.state.at !== 'concluding') return undefined;
    const { number, outputs } = this.state.attempt;
    return { ...this.address, attempt: number, outputs: outputs.count };
  }

  /** Tells JetStream that work goes on. */
  keepAlive(): void {
    this.delivery.working();
  }

  /** Tells the handler that the worker drains. */
  drain(): void {
    this.draining.abort();
  }

  /** Ends the job if its gateway is dead. A gateway that was only disconnected grants the next claim. */
  judgeGateway(): void {
    if (this.host.gateways.stateOf(this.address.gatewayId, this.heardAtMs) !== 'dead') return;
    this.delivery.nak();
    this.end('gone', 'lost');
  }

  /** Stops the job in good order. It goes to another worker. */
  handBack(): void {
    if (this.state.at === 'claiming') {
      this.delivery.nak();
      this.end('handed_back');
    } else if (this.state.at === 'running') {
      this.state.attempt.stop('lost');
      void this.conclude(orderedHandBack);
    }
  }

  /** Handles a cancel. While the job concludes, the session's answer decides instead. */
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
      const content = { headers: this.delivery.headers, body };
      const context = attempt.context(content, this.draining.signal, this.emit.bind(this));
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

  /** Frees the seat, gets the end confirmed by the session, and only then gives the verdict on the message. */
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
    if (this.state.at === 'running') this.state.attempt.leave();
    this.host.seatFreed(this);
  }

  /** Ends the job. `why`: the reason with which a running handler is stopped. */
  private end(outcome: JobOutcome, why?: JobStopped['why']): void {
    const { state } = this;
    if (state.at === 'over') return;
    if (state.at === 'running' && why) state.attempt.stop(why);
    if (state.at !== 'concluding') this.leaveSeat();
    this.state = { at: 'over' };
    this.delivery.leave?.();
    this.host.over(this, state.at === 'claiming' ? undefined : { lane: this.lane, outcome });
  }

  private isRunning(): boolean {
    return this.state.at === 'running';
  }

  private isOver(): boolean {
    return this.state.at === 'over';
  }
}
