import { laneFunction, ProblemError, type Lane } from '@app/protocol';
import type { JobHeaders, JobLanes } from '../job-lanes';

/** The content of an offer. The payload is the same each time. */
export interface OfferContent {
  readonly jobId: string;
  readonly lane: Lane;
  readonly jobClass: string;
  readonly payload: Uint8Array;
  readonly headers?: JobHeaders;
}

/** The functions of the client that an offer uses. */
export interface OfferHost {
  readonly lanes: JobLanes;
  readonly now: () => number;
  /** Whether NATS can be reached. */
  isConnected(): boolean;
}

/**
 * Pauses between retries of a publish that failed temporarily. Each is twice as long as the one before, minus a random
 * part.
 */
const firstPauseMs = 50;
const longestPauseMs = 800;

/**
 * The message of a job on offer: publishes, checks and withdraws it. There is one message at a time. A lost answer may
 * leave copies, whose claims are refused.
 */
export class JobOffer {
  /** Sequence number of the message on offer. Undefined while it is being published. */
  sequence: number | undefined;
  /** Time at which the message was last known to be on offer. */
  provenAt: number;
  private publishing: Promise<void> | undefined;
  private withdrawn = false;

  constructor(
    private readonly host: OfferHost,
    private readonly content: OfferContent,
  ) {
    this.provenAt = host.now();
  }

  get lane(): Lane {
    return this.content.lane;
  }

  get jobClass(): string {
    return this.content.jobClass;
  }

  /**
   * Publishes a new message. Retries temporary failures within the wait budget, in milliseconds. Must not be called
   * again before it resolves.
   */
  publish(waitBudgetMs: number): Promise<void> {
    this.publishing ??= this.publishWithin(waitBudgetMs).finally(() => {
      this.publishing = undefined;
    });
    return this.publishing;
  }

  /** Resolves when nothing is being published, so that `sequence` is valid. */
  async settled(): Promise<void> {
    await this.publishing?.catch(() => undefined);
  }

  /** Deletes the message, whether it waits or is held. */
  remove(): void {
    if (this.sequence === undefined) return;
    void this.host.lanes.deleteJob(this.lane, this.sequence).catch(() => undefined);
  }

  /** Withdraws the offer for good. A message that is being published is deleted as soon as it exists. */
  withdraw(): void {
    this.withdrawn = true;
    this.remove();
  }

  private async publishWithin(waitBudgetMs: number): Promise<void> {
    const untilMs = this.host.now() + waitBudgetMs;
    const lifeMs = waitBudgetMs + laneFunction(this.lane).longestRunMs;
    const { lane, jobClass, payload, headers } = this.content;
    this.sequence = undefined;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        this.sequence = await this.host.lanes.publishJob(lane, jobClass, payload, lifeMs, headers);
        this.provenAt = this.host.now();
        if (this.withdrawn) this.remove();
        return;
      } catch (error) {
        const restMs = pauseMs * (1 - Math.random() / 2);
        const mayPass = error instanceof ProblemError && error.code === 'bus_unavailable' && this.host.isConnected();
        if (!mayPass || this.host.now() + restMs >= untilMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, restMs));
        if (this.withdrawn) throw error;
      }
    }
  }
}
