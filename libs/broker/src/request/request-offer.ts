import type { OfferEnd, OfferSender, OpenOffer, RequestedOffer } from './offer-sender';

/** Pause after the first refusal, in milliseconds. It doubles with each further one. */
const firstPauseMs = 100;
const longestPauseMs = 1_000;
/** Pause after a hand-back without a delay, in milliseconds. */
const leastPauseMs = 20;
/**
 * Pause after the connection to a worker broke, in milliseconds. If the worker lives, it has handed its job back by
 * then.
 */
const brokenPauseMs = 100;

/** The functions of the lanes that an offer uses. */
export interface OfferHost {
  readonly sender: Pick<OfferSender, 'send'>;
  readonly random: () => number;
  over(lane: string, sequence: number): void;
  /** Called when no worker has taken it. */
  refused(lane: string, reason: string): void;
  taken(lane: string): void;
}

type State =
  | { readonly at: 'made' }
  /** A request is open, and no worker has taken the job. */
  | { readonly at: 'requesting'; readonly request: OpenOffer }
  /** A request is open, and its worker holds the job. */
  | { readonly at: 'taken'; readonly request: OpenOffer }
  | { readonly at: 'pausing'; readonly timer: NodeJS.Timeout }
  | { readonly at: 'over' };

/**
 * One job on offer. It sends one request after another until a worker reports that the job is over, the offer is
 * withdrawn, or its time has passed.
 */
export class RequestOffer {
  private state: State = { at: 'made' };
  private refusals = 0;
  private life: NodeJS.Timeout | undefined;

  constructor(
    private readonly host: OfferHost,
    private readonly offer: RequestedOffer,
    private readonly ttlMs: number,
  ) {}

  /** Size of the stored job, in bytes. */
  get bytes(): number {
    return this.offer.payload.length;
  }

  /** Whether a worker holds the job now. */
  get isTaken(): boolean {
    return this.state.at === 'taken';
  }

  start(): void {
    this.life = setTimeout(() => this.withdraw(), this.ttlMs);
    this.request();
  }

  /** Ends the offer for good. An open request is aborted, which its worker notices. */
  withdraw(): void {
    const { state } = this;
    this.end();
    if (state.at === 'requesting' || state.at === 'taken') state.request.abort();
  }

  private request(): void {
    const request = this.host.sender.send(this.offer, () => this.onTaken(request));
    this.state = { at: 'requesting', request };
    void request.ended.then((end) => this.onEnd(end));
  }

  private onTaken(request: OpenOffer): void {
    if (this.state.at === 'over') return;
    this.state = { at: 'taken', request };
    this.refusals = 0;
    this.host.taken(this.offer.lane);
  }

  private onEnd(end: OfferEnd): void {
    if (this.state.at === 'over') return;
    if (end.verdict === 'ack' || end.verdict === 'term') {
      this.end();
      return;
    }
    const pauseMs = this.pauseAfter(end) * (1 + 0.5 * this.host.random());
    this.state = { at: 'pausing', timer: setTimeout(() => this.request(), pauseMs) };
  }

  private pauseAfter(end: OfferEnd): number {
    if (end.verdict !== 'none') return Math.max(leastPauseMs, end.delayMs ?? 0);
    if (this.isTaken) return brokenPauseMs;
    this.host.refused(this.offer.lane, end.reason);
    this.refusals += 1;
    return Math.min(longestPauseMs, firstPauseMs * 2 ** (this.refusals - 1));
  }

  private end(): void {
    if (this.state.at === 'over') return;
    if (this.state.at === 'pausing') clearTimeout(this.state.timer);
    clearTimeout(this.life);
    this.state = { at: 'over' };
    this.host.over(this.offer.lane, this.offer.sequence);
  }
}
