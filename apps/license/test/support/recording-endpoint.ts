import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Certificate } from '../../../../test/support/certificates';

/** A request as it arrived. */
export interface RecordedRequest {
  readonly path: string;
  /** The request line and the headers, in their order, without the empty line. */
  readonly head: string;
  readonly body: string;
}

/** An answer; `hang`: none ever comes. */
export type Reply =
  { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> } | 'hang';

/** An HTTP server on loopback that records what it receives. */
export class RecordingEndpoint {
  readonly requests: RecordedRequest[] = [];
  private readonly server: Server;

  /** Resolves once it listens; with a certificate it speaks TLS. */
  static async start(
    reply: (request: RecordedRequest) => Reply,
    certificate?: Certificate,
  ): Promise<RecordingEndpoint> {
    const endpoint = new RecordingEndpoint(reply, certificate);
    await once(endpoint.server.listen(0, '127.0.0.1'), 'listening');
    return endpoint;
  }

  private constructor(reply: (request: RecordedRequest) => Reply, certificate?: Certificate) {
    const listener: RequestListener = (incoming, response) =>
      void recorded(incoming).then((request) => {
        this.requests.push(request);
        const answer = reply(request);
        if (answer === 'hang') return;
        const { status, body = '', headers = { 'content-type': 'application/json' } } = answer;
        response.writeHead(status, headers).end(body);
      });
    this.server = certificate
      ? createTlsServer({ key: readFileSync(certificate.keyFile), cert: readFileSync(certificate.certFile) }, listener)
      : createServer(listener);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

async function recorded(incoming: IncomingMessage): Promise<RecordedRequest> {
  const { method = '', url = '', httpVersion, rawHeaders } = incoming;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return { path: url, head: lines.join('\n'), body: await text(incoming) };
}

/** A proxy on loopback that connects every CONNECT to one port of loopback, whatever the host. */
export class ConnectProxy {
  /** `HOST:PORT` of each CONNECT. */
  readonly targets: string[] = [];
  /** Its proxy-authorization. */
  readonly credentials: (string | undefined)[] = [];
  private readonly server = createServer();
  private readonly sockets = new Set<Socket>();

  static async start(targetPort: number, status = 200): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(targetPort, status);
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  private constructor(targetPort: number, status: number) {
    this.server.on('connection', (socket) => this.sockets.add(socket));
    this.server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.targets.push(request.url ?? '');
      this.credentials.push(request.headers['proxy-authorization']);
      socket.on('error', () => undefined);
      if (status !== 200) return void socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`);
      const target = connect(targetPort, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
      this.sockets.add(target.on('error', () => socket.destroy()));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
