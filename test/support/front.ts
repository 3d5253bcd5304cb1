import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** Between looks for a backend that takes connections. */
const retryMs = 20;

interface Backend {
  readonly url: string;
  open: number;
}

/**
 * Stands before several copies of a service, as Knative's activator does: a request goes to the copy with the fewest open ones, and
 * waits while there is none. A copy that dies takes its open requests with it.
 */
export class Front {
  /** Requests forwarded, by backend. */
  readonly forwarded = new Map<string, number>();
  private backends: Backend[] = [];
  private readonly server: Server;
  private readonly open = new Set<ServerResponse>();

  constructor() {
    this.server = createServer((request, response) => void this.forward(request, response));
    this.server.requestTimeout = 0;
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  add(url: string): void {
    this.backends.push({ url, open: 0 });
  }

  remove(url: string): void {
    this.backends = this.backends.filter((backend) => backend.url !== url);
  }

  /** Breaks every open request on both sides, as a proxy whose time is over. */
  breakAll(): void {
    for (const response of this.open) response.destroy();
  }

  get openRequests(): number {
    return this.open.size;
  }

  async stop(): Promise<void> {
    this.breakAll();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    this.open.add(response);
    response.once('close', () => this.open.delete(response));
    while (!response.destroyed) {
      const best = this.next();
      if (best && (await this.handTo(best, request, response, Buffer.concat(pieces)))) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  /** Of those with the fewest open requests the one that was not asked for longest. */
  private next(): Backend | undefined {
    const [best] = [...this.backends].sort((a, b) => a.open - b.open);
    if (best) this.backends = [...this.backends.filter((backend) => backend !== best), best];
    return best;
  }

  /** False when the backend takes no connection. */
  private handTo(to: Backend, request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      to.open += 1;
      const onward = httpRequest(`${to.url}${request.url ?? ''}`, {
        method: request.method,
        headers: request.headers,
        agent: false,
      });
      onward.once('close', () => (to.open -= 1));
      onward.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        answer.once('error', () => response.destroy());
        answer.once('aborted', () => response.destroy());
        resolve(true);
      });
      onward.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') {
          resolve(false);
          return;
        }
        response.destroy();
        resolve(true);
      });
      response.once('close', () => onward.destroy());
      this.forwarded.set(to.url, (this.forwarded.get(to.url) ?? 0) + 1);
      onward.end(body);
    });
  }
}
