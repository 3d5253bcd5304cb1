import { laneFunction, ProblemError, type Lane } from '@app/protocol';
import type { JobHeaders, JobLanes } from '../job-lanes';

/** A job as it is offered, each time with the same payload. */
export interface OfferContent {
  readonly jobId: string;
  readonly lane: Lane;
  readonly jobClass: string;
  readonly payload: Uint8Array;
  readonly headers?: JobHeaders;
}

/** What an offer needs of its client. */
export interface OfferHost {
  readonly lanes: JobLanes;
  readonly now: () => number;
  /** Whether the bus can be reached at all. */
  isConnected(): boolean;
}

/** Pauses between tries of an offer that the bus refused in passing: doubled each time, and less by chance. */
const firstPauseMs = 50;
const longestPauseMs = 800;

/** The message of a job: put on offer, looked after, taken back. There is one at a time; copies that a lost answer leaves claim in vain. */
export class JobOffer {
  /** Of the message on offer; undefined while it is being published. */
  sequence: number | undefined;
  /** When the message was last known to be on offer. */
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

  /** Puts a fresh message on offer; tries again within the wait budget while the bus refuses it in passing. One call at a time counts. */
  publish(waitBudgetMs: number): Promise<void> {
    this.publishing ??= this.publishWithin(waitBudgetMs).finally(() => {
      this.publishing = undefined;
    });
    return this.publishing;
  }

  /** Resolves when nothing is being published, so that `sequence` holds. */
  async settled(): Promise<void> {
    await this.publishing?.catch(() => undefined);
  }

  /** Takes the message back, whether it waits or is held. */
  remove(): void {
    if (this.sequence === undefined) return;
    void this.host.lanes.deleteJob(this.lane, this.sequence).catch(() => undefined);
  }

  /** Takes it back for good: a message that is being published is removed once it is there. */
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
