import type { OfferVerdict } from '@app/protocol';
import type { Delivery } from '../broker';
import type { JobHeaders } from '../job-lanes';

/** The answer that the offerer of a job waits for. */
export interface OpenAnswer {
  /** Shows that it is still open. */
  keepOpen(): void;
  end(verdict: OfferVerdict): void;
}

/** What came with the request. */
export interface RequestedJob {
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  readonly sequence: number;
}

/** A job that came by a request: the open request keeps it, the end of its answer is the verdict. Only the first verdict counts. */
export class RequestDelivery implements Delivery {
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  readonly sequence: number;
  private ended = false;

  constructor(
    { payload, headers, sequence }: RequestedJob,
    private readonly answer: OpenAnswer,
  ) {
    this.payload = payload;
    this.headers = headers;
    this.sequence = sequence;
  }

  ack(): void {
    this.end({ verdict: 'ack' });
  }

  nak(delayMs = 0): void {
    this.end({ verdict: 'nak', delayMs });
  }

  term(): void {
    this.end({ verdict: 'term' });
  }

  working(): void {
    if (!this.ended) this.answer.keepOpen();
  }

  /** Left without a verdict it goes to another, as a message does whose worker has fallen silent. */
  leave(): void {
    this.nak();
  }

  private end(verdict: OfferVerdict): void {
    if (this.ended) return;
    this.ended = true;
    this.answer.end(verdict);
  }
}
