import type { OfferVerdict } from '@app/protocol';
import type { Delivery } from '../broker';
import type { JobHeaders } from '../job-lanes';

/** The response for which the offerer of a job waits. */
export interface OpenAnswer {
  /** Sends a sign that it is still open. */
  keepOpen(): void;
  end(verdict: OfferVerdict): void;
}

/** The data of the request. */
export interface RequestedJob {
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  readonly sequence: number;
}

/**
 * A job that arrived in a request. The job is kept as long as the request is open. The end of the response is the
 * verdict. Only the first verdict counts.
 */
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

  /** Without a verdict the job goes to another worker, like the message of a worker that has fallen silent. */
  leave(): void {
    this.nak();
  }

  private end(verdict: OfferVerdict): void {
    if (this.ended) return;
    this.ended = true;
    this.answer.end(verdict);
  }
}
