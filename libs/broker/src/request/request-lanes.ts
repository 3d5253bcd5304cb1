import { decodeFrame, laneName, ProblemError, type Lane } from '@app/protocol';
import type { JobHeaders, JobLanes, LaneLoad, OfferedMessage } from '../job-lanes';
import type { JobLog } from '../job-log';
import { backlogBound, firstSequence } from '../lane-limits';
import { OfferSender } from './offer-sender';
import { RequestOffer, type OfferHost } from './request-offer';

/** The settings of request dispatch. */
export interface RequestLanesOptions {
  /** Base URL of the inference service. */
  readonly url: string;
  /** Wall clock, in milliseconds. It makes sequence numbers unique across restarts. */
  readonly now?: () => number;
  /** Random number from 0 to 1. It spreads the retries of offers that were refused together. */
  readonly random?: () => number;
  /** Gets an entry when offers of a lane begin to fail. */
  readonly log?: JobLog;
}

/** Most bytes of all jobs on offer, over all lanes. They are stored so that they can be offered again. */
const maxHeldBytes = 256 * 1024 * 1024;

/**
 * Offers jobs by requests to the inference service. Each request stays open until its job is over, so that the
 * autoscaler of the service can count it. Jobs without a worker count as waiting, the others as running. Only jobs of
 * this process are counted.
 */
export class RequestLanes implements JobLanes, OfferHost {
  readonly sender: OfferSender;
  readonly random: () => number;
  private readonly lanes = new Map<string, Map<number, RequestOffer>>();
  private readonly troubled = new Set<string>();
  private nextSequence: number;
  private heldBytes = 0;

  constructor(private readonly options: RequestLanesOptions) {
    this.sender = new OfferSender(options.url);
    this.random = options.random ?? Math.random;
    this.nextSequence = firstSequence((options.now ?? Date.now)());
  }

  /** Does nothing, since a lane has no state of its own. */
  ensureLane(): Promise<void> {
    return Promise.resolve();
  }

  publishJob(
    lane: Lane,
    jobClass: string,
    payload: Uint8Array,
    ttlMs: number,
    headers: JobHeaders = {},
  ): Promise<number> {
    const offers = this.offersOf(lane);
    if (offers.size >= backlogBound(lane) || this.heldBytes + payload.length > maxHeldBytes) {
      return Promise.reject(new ProblemError('worker_unavailable', { retryAfterSeconds: 5 }));
    }
    const sequence = this.nextSequence++;
    const { requestId } = decodeFrame(payload).header as { requestId?: string };
    const sent = { lane: laneName(lane), jobClass, sequence, requestId: requestId ?? '', payload, headers };
    const offer = new RequestOffer(this, sent, ttlMs);
    offers.set(sequence, offer);
    this.heldBytes += payload.length;
    offer.start();
    return Promise.resolve(sequence);
  }

  deleteJob(lane: Lane, sequence: number): Promise<boolean> {
    const offer = this.offersOf(lane).get(sequence);
    offer?.withdraw();
    return Promise.resolve(offer !== undefined);
  }

  lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]> {
    const offers = this.offersOf(lane);
    return Promise.resolve(jobs.flatMap(({ sequence }) => (offers.has(sequence) ? [] : sequence)));
  }

  hasJob(lane: Lane, sequence: number): Promise<boolean> {
    return Promise.resolve(this.offersOf(lane).has(sequence));
  }

  load(lane: Lane): Promise<LaneLoad> {
    const offers = [...this.offersOf(lane).values()];
    const running = offers.filter(({ isTaken }) => isTaken).length;
    return Promise.resolve({ waiting: offers.length - running, running });
  }

  /** Withdraws everything. */
  close(): void {
    for (const offers of this.lanes.values()) for (const offer of [...offers.values()]) offer.withdraw();
    this.sender.close();
  }

  /** For offers. */
  over(lane: string, sequence: number): void {
    const offers = this.lanes.get(lane);
    this.heldBytes -= offers?.get(sequence)?.bytes ?? 0;
    offers?.delete(sequence);
  }

  /** For offers. Logs once until a worker takes a job of the lane again. */
  refused(lane: string, reason: string): void {
    if (this.troubled.has(lane)) return;
    this.troubled.add(lane);
    this.options.log?.error('job was not taken by the inference service; it is offered again', { lane, reason });
  }

  /** For offers. */
  taken(lane: string): void {
    this.troubled.delete(lane);
  }

  private offersOf(lane: Lane): Map<number, RequestOffer> {
    const name = laneName(lane);
    let found = this.lanes.get(name);
    if (!found) {
      found = new Map();
      this.lanes.set(name, found);
    }
    return found;
  }
}
