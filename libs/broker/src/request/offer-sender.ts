import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { jobsPath, offerHeaders, offerMediaType, OfferVerdict, validated } from '@app/protocol';
import type { JobHeaders } from '../job-lanes';

/** A job on its way to the inference service. */
export interface RequestedOffer {
  /** `KIND.MODEL`. */
  readonly lane: string;
  readonly jobClass: string;
  readonly place: number;
  readonly delivery: number;
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
 * known to those who offer it, and a worker that dies is missed on the bus. Redirects are not followed.
 */
export class OfferSender {
  private readonly url: URL;
  private readonly agent: HttpAgent;

  constructor(baseUrl: string) {
    this.url = new URL(baseUrl.replace(/\/+$/, '') + jobsPath);
    const options = { keepAlive: true, maxSockets: Infinity, maxFreeSockets: 64 };
    this.agent = this.url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** `onTaken` is called when a worker has given the job a seat. */
  send(offer: RequestedOffer, onTaken: () => void): OpenOffer {
    let request: ClientRequest;
    let aborted = false;
    const ended = new Promise<OfferEnd>((resolve) => {
      const fail = (reason: string): void => resolve({ verdict: 'none', reason });
      const attempt = (): void => {
        request = this.post(offer);
        let answered = false;
        request.once('response', (response) => {
          answered = true;
          if (response.statusCode === 200) onTaken();
          readEnd(response).then(resolve, (error: Error) => fail(error.message));
        });
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The other side had closed a kept connection just before: it has not seen the job.
          const stale = request.reusedSocket && error.code === 'ECONNRESET' && !answered && !aborted;
          if (stale) attempt();
          else fail(error.code ?? error.message);
        });
        request.end(offer.payload);
      };
      attempt();
    });
    return {
      ended,
      abort: () => {
        aborted = true;
        request.destroy();
      },
    };
  }

  close(): void {
    this.agent.destroy();
  }

  private post({ lane, jobClass, place, delivery, requestId, payload, headers }: RequestedOffer): ClientRequest {
    const make = this.url.protocol === 'https:' ? httpsRequest : httpRequest;
    return make(this.url, {
      method: 'POST',
      agent: this.agent,
      headers: {
        ...headers,
        'Content-Type': offerMediaType,
        'Content-Length': payload.length,
        'X-Request-Id': requestId,
        [offerHeaders.lane]: lane,
        [offerHeaders.jobClass]: jobClass,
        [offerHeaders.place]: String(place),
        [offerHeaders.delivery]: String(delivery),
      },
    });
  }
}

async function readEnd(response: IncomingMessage): Promise<OfferEnd> {
  let text = '';
  response.setEncoding('utf8');
  for await (const piece of response) {
    // Past the limit it is no answer of a worker; it is still read to its end, so that the connection can be used again.
    if (text.length < maxAnswerBytes) text = (text + String(piece)).trimStart();
  }
  if (response.statusCode !== 200) return { verdict: 'none', reason: `status ${response.statusCode}` };
  return readVerdict(text);
}

function readVerdict(text: string): OfferEnd {
  try {
    return validated(OfferVerdict, JSON.parse(text));
  } catch {
    // A proxy whose time was over writes words of its own.
    return { verdict: 'none', reason: 'an answer that is no verdict' };
  }
}
