import { jobsPath, offerHeaders, offerMediaType, OfferVerdict, validated } from '@app/protocol';
import type { JobHeaders } from '../job-lanes';
import { KeptConnections } from '../kept-connections';

/** A job on its way to the inference service. */
export interface RequestedOffer {
  /** `KIND.MODEL`. */
  readonly lane: string;
  readonly jobClass: string;
  /** Which job of the lane it is, for the claim; the same in each offer of it. */
  readonly sequence: number;
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
}

/** How a request ended: with a worker's verdict, or without one and why. */
export type OfferEnd = OfferVerdict | { readonly verdict: 'none'; readonly reason: string };

/** An open request. */
export interface OpenOffer {
  readonly ended: Promise<OfferEnd>;
  /** Ends it at once; `ended` resolves to `none`. */
  abort(): void;
}

/** More than a verdict and the blank lines before it in a day. */
const maxAnswerBytes = 64 * 1024;

/**
 * Sends offers over kept connections, as many at once as need be. Nothing here has a time limit: how long a job may wait or run is
 * known to those who offer it. A worker whose machine is gone is missed on the bus, and its connection by TCP keep-alive.
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
      // Past the limit it is no answer of a worker; it is still read to its end, so that the connection can be used again.
      if (text.length < maxAnswerBytes) text = (text + String(piece)).trimStart();
    }
    return statusCode === 200 ? readVerdict(text) : { verdict: 'none', reason: `status ${statusCode}` };
  }
}

function readVerdict(text: string): OfferEnd {
  try {
    return validated(OfferVerdict, JSON.parse(text));
  } catch {
    // A proxy whose time was over writes words of its own.
    return { verdict: 'none', reason: 'an answer that is no verdict' };
  }
}
