import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { AbstractWsAdapter } from '@nestjs/websockets';
import { WebSocketServer } from 'ws';
import { problemBody, problemHeaders, requestIdHeader, requestIdOf } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { pathOf, queryOf } from '../http/query';
import type { HandshakeCheck, Upgrade } from './handshake-check';

/** Time for the closing handshake of sockets, in milliseconds. */
const closeTimeoutMs = 1_000;

/** The options of the adapter. */
export interface RawWsOptions {
  /** Pre-handshake checks by path. */
  readonly checks: Readonly<Record<string, HandshakeCheck>>;
  readonly maxMessageBytes: number;
  /** Called for every refusal. */
  readonly refused: (problem: ProblemError, requestId: string) => void;
}

/**
 * WebSockets on the API's port. A refused upgrade gets an ordinary HTTP response before the handshake. A gateway class
 * gets `handleConnection(socket, request, accepted)` and reads the socket's frames itself. The adapter parses nothing.
 */
export class RawWsAdapter extends AbstractWsAdapter {
  private readonly servers = new Map<string, WebSocketServer>();
  private listening = false;

  constructor(
    app: INestApplicationContext,
    private readonly options: RawWsOptions,
  ) {
    super(app);
  }

  override create(_port: number, { path = '/' }: { path?: string } = {}): WebSocketServer {
    const server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: this.options.maxMessageBytes,
    });
    server.on('headers', (headers, request) => {
      const requestId = requestIdOf(request.headers);
      headers.push(`${requestIdHeader}: ${requestId}`, `cartesia-request-id: ${requestId}`);
    });
    this.servers.set(path, server);
    this.listen();
    return server;
  }

  /** The gateway class gets the unparsed frames. */
  override bindMessageHandlers(): void {}

  override async close(server: WebSocketServer): Promise<void> {
    const isClosed = super.close(server);
    await Promise.race([isClosed, delay(closeTimeoutMs, undefined, { ref: false })]);
    for (const client of server.clients) client.terminate();
    await isClosed;
  }

  private listen(): void {
    if (this.listening) return;
    this.listening = true;
    (this.httpServer as Server).on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      void this.upgrade(request, socket, head);
    });
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const requestId = requestIdOf(request.headers);
    request.headers[requestIdHeader] = requestId;
    try {
      const path = pathOf(request.url ?? '/');
      const [server, check] = [this.servers.get(path), this.options.checks[path]];
      if (!server || !check) throw new ProblemError('not_found');
      const accepted = await check.checkHandshake(upgradeOf(request, socket, requestId));
      server.handleUpgrade(request, socket, head, (client) => {
        // After a frame that is invalid or too large, the library closes the socket with the matching code.
        client.on('error', () => undefined);
        server.emit('connection', client, request, accepted);
      });
    } catch (error) {
      const problem = ProblemError.from(error);
      this.options.refused(problem, requestId);
      refuse(socket, problem, requestId);
    }
  }
}

function upgradeOf(request: IncomingMessage, socket: Duplex, requestId: string): Upgrade {
  const gone = new AbortController();
  if (socket.destroyed) gone.abort();
  else socket.once('close', () => gone.abort());
  return { headers: request.headers, query: queryOf(request.url ?? ''), requestId, signal: gone.signal };
}

function refuse(socket: Duplex, problem: ProblemError, requestId: string): void {
  const { status } = problem.row;
  const body = JSON.stringify({ ...problemBody(problem, requestId), status_code: status });
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    [requestIdHeader]: requestId,
    ...problemHeaders(problem),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n'));
}
