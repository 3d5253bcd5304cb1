import { jobsPath, offerHeaders, offerMediaType, OfferVerdict, validated } from '@app/protocol';
import type { JobHeaders } from '../job-lanes';
import { KeptConnections } from '../kept-connections';

/** A job that is sent to the inference service. */
export interface RequestedOffer {
  /** `KIND.MODEL`. */
  readonly lane: string;
  readonly jobClass: string;
  /** Sequence number of the job in its lane, for the claim. It is the same in each offer of the job. */
  readonly sequence: number;
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
}

/** How a request ended: with a worker's verdict, or without one and with a reason. */
export type OfferEnd = OfferVerdict | { readonly verdict: 'none'; readonly reason: string };

/** An open request. */
export interface OpenOffer {
  readonly ended: Promise<OfferEnd>;
  /** Ends the request at once. `ended` resolves to `none`. */
  abort(): void;
}

/** More than a verdict and a day of the blank lines before it. */
const maxAnswerBytes = 64 * 1024;

/**
 * Sends offers over kept connections, without a limit on their number. There is no time limit here: the callers know
 * how long a job may wait or run. Heartbeats detect a worker whose machine is gone, and TCP keep-alive detects its
 * connection.
 */
export class OfferSender {
  private readonly connections: KeptConnections;

  constructor(baseUrl: string) {
    this.connections = new KeptConnections(baseUrl.replace(/\/+$/, '') + jobsPath);
  }

  /** `onTaken` is called when a worker has given the job a seat. */
  send(offer: RequestedOffer, onTaken: () => void): OpenOffer {
    const aborting = new AbortController();
    const ended = this.post(offer, aborting.signal, onTaken).catch((error: NodeJS.ErrnoException): OfferEnd => {
      return { verdict: 'none', reason: error.code ?? error.message };
    });
    return { ended, abort: () => aborting.abort() };
  }

  close(): void {
    this.connections.close();
  }

  private async post(offer: RequestedOffer, signal: AbortSignal, onTaken: () => void): Promise<OfferEnd> {
    const { lane, jobClass, sequence, requestId, payload, headers } = offer;
    const { statusCode, body } = await this.connections.post({
      headers: {
        ...headers,
        'content-type': offerMediaType,
        'x-request-id': requestId,
        [offerHeaders.lane]: lane,
        [offerHeaders.jobClass]: jobClass,
        [offerHeaders.sequence]: String(sequence),
      },
      body: payload,
      signal,
    });
    if (statusCode === 200) onTaken();
    let text = '';
    for await (const piece of body.setEncoding('utf8')) {
      // A response beyond the limit is not from a worker. It is still read to its end, so that the connection can be reused.
      if (text.length < maxAnswerBytes) text = (text + String(piece)).trimStart();
    }
    return statusCode === 200 ? readVerdict(text) : { verdict: 'none', reason: `status ${statusCode}` };
  }
}

function readVerdict(text: string): OfferEnd {
  try {
    return validated(OfferVerdict, JSON.parse(text));
  } catch {
    // A proxy writes its own text after a time-out.
    return { verdict: 'none', reason: 'the response is not a verdict' };
  }
}
