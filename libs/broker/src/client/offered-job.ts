import {
  laneFunction,
  ProblemError,
  type ClaimGone,
  type ClaimGranted,
  type ClaimRequest,
  type OutputEnvelope,
  type TerminalAnswer,
} from '@app/protocol';
import type { JobLog } from '../job-log';
import { AttemptHolder, type WorkerSender } from './attempt-holder';
import { CrashRecord, type Crash } from './crash-record';
import type { JobHandle, JobInput, JobListener } from './job-contract';
import { JobOffer, type OfferContent, type OfferHost } from './job-offer';
import { OutputOrder } from './output-order';
import { problemOf, quarantineProblem } from './sent-problem';

/** The functions of the client that a job uses. */
export interface JobHost extends OfferHost, WorkerSender {
  readonly gapBoundMs: number;
  readonly log: JobLog | undefined;
  ended(jobId: string): void;
}

type State =
  /** The first message is being published, and `submit` has not resolved. */
  | { readonly at: 'submitting' }
  | { readonly at: 'waiting'; readonly sinceMs: number; readonly timer: NodeJS.Timeout }
  | { readonly at: 'running'; readonly holder: AttemptHolder }
  | { readonly at: 'over' };

/** One job from submit to its end. It waits for a worker, is held by one, and waits again if that worker is lost. */
export class OfferedJob implements JobHandle {
  readonly offer: JobOffer;
  private state: State = { at: 'submitting' };
  private attempt = 0;
  /** Resolves a turn after `submit`, when its caller has the handle. */
  private submitted: Promise<void> = Promise.resolve();
  private readonly order: OutputOrder;
  private readonly crashes = new CrashRecord();
  /** Whether the listener has received output. If so, a pause is better than the end of the job. */
  private hasOutput = false;

  constructor(
    private readonly host: JobHost,
    private readonly content: OfferContent & { readonly waitBudgetMs: number },
    private readonly listener: JobListener,
  ) {
    this.offer = new JobOffer(host, content);
    this.order = new OutputOrder(host.gapBoundMs, {
      resume: (sequence) => this.holder?.resume(sequence),
      giveUp: () => this.restart('ordered'),
    });
  }

  /** The worker of the current attempt, or undefined if there is none. */
  get holder(): AttemptHolder | undefined {
    return this.state.at === 'running' ? this.state.holder : undefined;
  }

  /**
   * Offers the job. Its wait budget starts now. Rejects if it could not be offered. The listener is not called in that
   * case.
   */
  async submit(): Promise<void> {
    const sinceMs = this.host.now();
    const published = this.offer.publish(this.waitBudgetMs());
    this.submitted = published.then(
      () => new Promise((resolve) => setImmediate(resolve)),
      () => undefined,
    );
    try {
      await published;
      if (this.state.at === 'submitting') this.wait(sinceMs);
    } catch (error) {
      this.forget();
      throw ProblemError.from(error);
    }
  }

  /** Answers a claim. The answer waits until `submit` has resolved, so that the listener has its handle. */
  async claimed(claim: ClaimRequest): Promise<ClaimGranted | ClaimGone> {
    await this.submitted;
    await this.offer.settled();
    // Only one copy of the message may run and be acked.
    if (this.isOver() || claim.sequence !== this.offer.sequence) return { gone: true };
    if (this.holder) this.takenFrom(this.holder, claim.workerId);
    return this.grant(claim.workerId) ?? { gone: true };
  }

  /** Handles an output. Returns `open` if it is not terminal or if outputs before it are missing. */
  took(envelope: OutputEnvelope, body: Uint8Array): TerminalAnswer['verdict'] | 'open' {
    if (!this.holder?.isFrom(envelope.workerId, envelope.attempt)) return 'stale';
    if (!this.order.isNext(envelope.sequence)) return 'open';
    const { handBack, problem, output } = envelope;
    if (handBack) {
      this.attemptEnded(handBack, problem);
    } else if (problem) {
      this.finish(() => this.listener.onProblem(problemOf(problem)));
    } else if (output?.type === 'end') {
      this.finish(() => this.listener.onEnd(output));
    } else {
      this.hasOutput = true;
      if (output) this.guarded(() => this.listener.onOutput(output, body));
      return 'open';
    }
    return 'taken';
  }

  /** Handles a worker's heartbeat that names the job. Returns false if the worker should not hold it. */
  heardOf(workerId: string, attempt: number, outputs: number): boolean {
    if (!this.holder?.isFrom(workerId, attempt)) return false;
    this.order.expect(outputs);
    return true;
  }

  /** Whether the job waits and its message was not known to be on offer for this long. */
  isUnprovenFor(timeMs: number): boolean {
    return this.state.at === 'waiting' && this.host.now() - this.offer.provenAt >= timeMs;
  }

  send(input: JobInput, body?: Uint8Array): void {
    this.holder?.input(input, body);
  }

  cancel(reason: string): void {
    if (this.isOver()) return;
    this.holder?.cancel(reason);
    this.forget();
    this.offer.withdraw();
  }

  /** Its worker counts as dead. */
  lost(): void {
    this.restart('silent');
  }

  /** Offers the job again, since its message is not on offer any more. */
  offerAgain(): void {
    if (this.state.at === 'waiting') void this.offer.publish(this.waitBudgetMs()).catch(() => undefined);
  }

  /** Handles the end of a NATS outage. Silent workers could not send, and messages may be lost. */
  reconnected(): void {
    this.holder?.heard();
    this.offer.provenAt = -Infinity;
  }

  private grant(workerId: string): ClaimGranted | undefined {
    if (this.state.at !== 'waiting') return undefined;
    const waitedMs = this.host.now() - this.state.sinceMs;
    const attempt = ++this.attempt;
    this.enter({ at: 'running', holder: new AttemptHolder(this.host, this.content.jobId, workerId, attempt) });
    const resume = this.guarded(() => {
      const place = this.listener.resume();
      this.listener.onClaim({ attempt, waitedMs });
      return place;
    });
    return resume && !this.isOver() ? { attempt, resume, waitedMs } : undefined;
  }

  /** Handles a claim by another worker while a worker holds the job. The holder missed its keep-alives. */
  private takenFrom(holder: AttemptHolder, claimant: string): void {
    holder.supersede();
    // A second claim by the same worker means that the grant was lost, not that the worker died.
    this.attemptEnded(claimant === holder.workerId ? 'ordered' : 'silent');
  }

  private attemptEnded(how: 'ordered' | Crash, problem?: OutputEnvelope['problem']): void {
    this.order.reset();
    this.wait(this.host.now());
    if (how === 'ordered') return;
    const isCause = this.guarded(() => this.crashes.add(how, this.listener.resume()));
    if (!isCause || this.isOver()) return;
    this.finish(() => this.listener.onProblem(quarantineProblem(problem)));
    this.offer.withdraw();
  }

  /** Abandons the attempt and publishes a new message, which starts the next attempt. */
  private restart(how: 'ordered' | 'silent'): void {
    this.holder?.supersede();
    this.offer.remove();
    this.attemptEnded(how);
    this.offerAgain();
  }

  private wait(sinceMs: number): void {
    const restMs = sinceMs + this.waitBudgetMs() - this.host.now();
    const timer = setTimeout(() => this.expire(), Math.max(0, restMs));
    this.enter({ at: 'waiting', sinceMs, timer });
  }

  private waitBudgetMs(): number {
    const { lane, waitBudgetMs } = this.content;
    return this.hasOutput ? Math.max(waitBudgetMs, laneFunction(lane).failoverBudgetMs) : waitBudgetMs;
  }

  private expire(): void {
    const retryAfterSeconds = Math.ceil(this.waitBudgetMs() / 1_000);
    this.finish(() => this.listener.onProblem(new ProblemError('deadline_exceeded', { retryAfterSeconds })));
    this.offer.withdraw();
  }

  /** Ends the job with a last call of the listener. */
  private finish(lastCall: () => void): void {
    this.forget();
    this.guarded(lastCall);
  }

  /** Ends the job without a call of the listener. */
  private forget(): void {
    this.enter({ at: 'over' });
    this.order.reset();
    this.host.ended(this.content.jobId);
  }

  private enter(state: State): void {
    if (this.state.at === 'waiting') clearTimeout(this.state.timer);
    this.state = state;
  }

  /** Calls the listener and logs its errors. A listener that throws has a bug, which must not affect other jobs. */
  private guarded<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.host.log?.error('job listener failed', { jobId: this.content.jobId, err: error });
      if (!this.isOver()) {
        this.cancel('listener failed');
        this.guarded(() => this.listener.onProblem(new ProblemError('internal', { cause: error })));
      }
      return undefined;
    }
  }

  private isOver(): boolean {
    return this.state.at === 'over';
  }
}
