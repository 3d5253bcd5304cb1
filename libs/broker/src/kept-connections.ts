import { Pool, type Dispatcher } from 'undici';

/** The limits of the connections. */
export interface KeptConnectionsOptions {
  /** Most connections at the same time. Default: no limit. */
  readonly connections?: number;
}

/** A POST request that may be sent twice. */
export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/**
 * TCP keep-alive: after this many milliseconds without a packet the peer is probed. Ten unanswered probes, one per
 * second, end the connection.
 */
const tcpKeepAliveMs = 10_000;

/** Error codes of a connection that the peer closed. */
const closedCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const isClosed = (error: unknown): boolean => closedCodes.has((error as { readonly code?: string } | null)?.code ?? '');

/** Keeps connections to one server open between POST requests. Redirects are not followed. */
export class KeptConnections {
  private readonly url: URL;
  private readonly pool: Pool;

  constructor(url: string | URL, { connections }: KeptConnectionsOptions = {}) {
    this.url = new URL(url);
    this.pool = new Pool(this.url.origin, {
      connections: connections ?? null,
      // No time limits: each caller knows how long its own request may take.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs },
    });
  }

  /**
   * Resolves with the head of the response. A kept connection may close at the moment of its use. A request whose
   * connection closed before any response is therefore sent again, once. Rejects with the error of the connection, and
   * when the signal aborts.
   */
  async post(request: PostRequest): Promise<Dispatcher.ResponseData> {
    try {
      return await this.postOnce(request);
    } catch (error) {
      if (request.signal?.aborted || !isClosed(error)) throw error;
      return this.postOnce(request);
    }
  }

  /** Aborts all requests. */
  close(): void {
    void this.pool.destroy();
  }

  private postOnce({ headers, body, signal }: PostRequest): Promise<Dispatcher.ResponseData> {
    const path = this.url.pathname + this.url.search;
    return this.pool.request({ method: 'POST', path, headers, body, ...(signal ? { signal } : {}) });
  }
}
