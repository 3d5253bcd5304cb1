import { Pool, type Dispatcher } from 'undici';

/** How many connections, and how long an answer may take. */
export interface KeptConnectionsOptions {
  /** Most connections at once; without a bound unless given. */
  readonly connections?: number;
  /** Longest wait for the head of an answer, and between two pieces of it, in milliseconds; without a bound unless given. */
  readonly timeoutMs?: number;
}

/** A request that may be sent twice. */
export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** After so long without a packet the other side is asked whether it is there; ten unanswered questions, a second apart, end the connection. */
const tcpKeepAliveMs = 10_000;

/** Codes of a connection that was closed from the other side. */
const closedCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const isClosed = (error: unknown): boolean => closedCodes.has((error as { readonly code?: string } | null)?.code ?? '');

/** Connections to one server that are kept between POST requests. Redirects are not followed. */
export class KeptConnections {
  private readonly url: URL;
  private readonly pool: Pool;

  constructor(url: string | URL, { connections, timeoutMs = 0 }: KeptConnectionsOptions = {}) {
    this.url = new URL(url);
    this.pool = new Pool(this.url.origin, {
      connections: connections ?? null,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs },
    });
  }

  /**
   * Resolves with the head of the answer. A kept connection may close in the moment of its use, so a request whose connection closed
   * before any answer is sent again, once. Rejects with the error of the connection, and when the signal is aborted.
   */
  async post(request: PostRequest): Promise<Dispatcher.ResponseData> {
    try {
      return await this.postOnce(request);
    } catch (error) {
      if (request.signal?.aborted || !isClosed(error)) throw error;
      return this.postOnce(request);
    }
  }

  /** Ends what is being asked. */
  close(): void {
    void this.pool.destroy();
  }

  private postOnce({ headers, body, signal }: PostRequest): Promise<Dispatcher.ResponseData> {
    const path = this.url.pathname + this.url.search;
    return this.pool.request({ method: 'POST', path, headers, body, ...(signal ? { signal } : {}) });
  }
}
