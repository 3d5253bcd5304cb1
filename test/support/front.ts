import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** Between looks for a copy that takes requests. */
const retryMs = 20;
/** How long a copy that refused a request is not asked. */
const refusalMs = 200;

interface Backend {
  readonly url: string;
  open: number;
  notBefore: number;
}

/** One request on its way. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  onward: ClientRequest | undefined;
}

/**
 * Stands before several copies of a service, as Knative's activator does: a request goes to the copy with the fewest open ones, and
 * waits while there is none that takes any. A copy that dies takes its open requests with it.
 */
export class Front {
  private backends: Backend[] = [];
  private readonly server: Server;
  private readonly open = new Set<ServerResponse>();

  constructor() {
    this.server = createServer((request, response) => void this.forward(request, response));
    this.server.requestTimeout = 0;
  }

  /** Resolves to its URL; on a free port of loopback unless told otherwise. */
  async start(host = '127.0.0.1', port = 0): Promise<string> {
    this.server.listen(port, host);
    await once(this.server, 'listening');
    return `http://${host}:${(this.server.address() as AddressInfo).port}`;
  }

  add(url: string): void {
    this.backends.push({ url, open: 0, notBefore: 0 });
  }

  /** Of the copies that are asked. */
  get urls(): readonly string[] {
    return this.backends.map(({ url }) => url);
  }

  remove(url: string): void {
    this.backends = this.backends.filter((backend) => backend.url !== url);
  }

  /** Breaks every open request on both sides, as a proxy whose time is over. */
  breakAll(): void {
    for (const response of this.open) response.destroy();
  }

  /** Open requests, of one copy or of all. */
  openRequests(url?: string): number {
    if (url === undefined) return this.open.size;
    return this.backends.find((backend) => backend.url === url)?.open ?? 0;
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
    const exchange: Exchange = { request, response, body: Buffer.concat(pieces), onward: undefined };
    this.open.add(response);
    response.once('close', () => {
      this.open.delete(response);
      exchange.onward?.destroy();
    });
    while (!response.destroyed) {
      const best = this.next();
      if (best && (await handTo(best, exchange))) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  /** Of those with the fewest open requests the one that was not asked for longest. */
  private next(): Backend | undefined {
    const asked = this.backends.filter(({ notBefore }) => notBefore <= performance.now());
    const [best] = asked.sort((a, b) => a.open - b.open);
    if (best) this.backends = [...this.backends.filter((backend) => backend !== best), best];
    return best;
  }
}

/** False when the copy takes no connection. */
function handTo(to: Backend, exchange: Exchange): Promise<boolean> {
  const { request, response, body } = exchange;
  const refused = (): void => void (to.notBefore = performance.now() + refusalMs);
  return new Promise((resolve) => {
    const { method, headers } = request;
    const onward = httpRequest(`${to.url}${request.url ?? ''}`, { method, headers, agent: false });
    exchange.onward = onward;
    to.open += 1;
    onward.once('close', () => (to.open -= 1));
    onward.once('response', (answer) => {
      if (answer.statusCode === 503) refused();
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
      answer.once('aborted', () => response.destroy());
      resolve(true);
    });
    onward.once('error', (error: NodeJS.ErrnoException) => {
      const isRefused = error.code === 'ECONNREFUSED';
      if (isRefused) refused();
      else response.destroy();
      resolve(!isRefused);
    });
    onward.end(body);
  });
}
