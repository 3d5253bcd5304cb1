import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { maxVendorRequestBytes } from '@app/licensing';
import {
  defaultBodyTimes,
  limitBodies,
  parseJson,
  problemBody,
  problemHeaders,
  requestIdHeader,
  requestIdOf,
  type BodyTimes,
  type JsonLimits,
  type Log,
} from '@app/platform';
import { ProblemError } from '@app/protocol';

/** Limits of the JSON of a request: 20,000 fields are 3,333 rows of telemetry. */
const vendorJsonLimits: JsonLimits = { depth: 8, fields: 20_000, items: 20_000 };
/** Connections beyond these are closed. */
const maxConnections = 256;
/** Time for the headers of a request and for a TLS handshake, in milliseconds. */
const headersTimeoutMs = 10_000;
/** Idle connections are closed after this time, which is the longest that a stop waits for them. */
const keepAliveMs = 5_000;

/** What serves the requests of a licence endpoint. */
export interface EndpointServerOptions {
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  /** PEM; plain HTTP without it. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** The answer to the JSON of a POST to a path; undefined for a 204. */
  readonly handle: (path: string, body: unknown) => Promise<object | undefined>;
  readonly log: Log;
  /** For the header `Date`. */
  readonly nowMs: () => number;
  readonly bodyTimes?: BodyTimes;
}

/** A server that listens. */
export interface EndpointServer {
  readonly port: number;
  /** Takes no more requests; resolves when those that had begun are answered. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Listens; a `port_taken` problem where something else does. */
export async function startEndpointServer(options: EndpointServerOptions): Promise<EndpointServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void respond(request, response, options);
  };
  const times = { headersTimeout: headersTimeoutMs, keepAliveTimeout: keepAliveMs };
  const server: Server = options.tls
    ? createTlsServer({ ...times, ...options.tls, handshakeTimeout: headersTimeoutMs }, listener)
    : createServer(times, listener);
  server.maxConnections = maxConnections;
  limitBodies(server, options.bodyTimes ?? defaultBodyTimes);
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeIdleConnections();
      }),
  };
}

function listen(server: Server, { host, port }: EndpointServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const detail = `Port ${port} on ${host} is taken. Choose another --port, or stop the process that uses it.`;
      reject(error.code === 'EADDRINUSE' ? new ProblemError('port_taken', { detail, cause: error }) : error);
    });
    server.listen(port, host, resolve);
  });
}

async function respond(request: IncomingMessage, response: ServerResponse, options: EndpointServerOptions) {
  const requestId = requestIdOf(request.headers);
  let answer: Answer;
  try {
    answer = await answerOf(request, options);
  } catch (thrown) {
    const problem = problemOf(thrown);
    const { code, detail, cause, row } = problem;
    const fields = { requestId, path: pathOf(request), code, detail, ...(cause ? { err: cause } : {}) };
    if (row.status >= 500) options.log.error('request failed', fields);
    else options.log.warn('request refused', fields);
    answer = { status: row.status, body: problemBody(problem, requestId), headers: problemHeaders(problem) };
  }
  const text = answer.body === undefined ? undefined : JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) }),
    'cache-control': 'no-store',
    [requestIdHeader]: requestId,
    ...answer.headers,
    date: new Date(options.nowMs()).toUTCString(),
    // What is left of a body that was not read must not be taken for the next request.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(text);
}

async function answerOf(request: IncomingMessage, { handle }: EndpointServerOptions): Promise<Answer> {
  const path = pathOf(request);
  if (path === '/healthz' && request.method === 'GET') return { status: 200, body: { status: 'alive' } };
  if (request.method !== 'POST') throw new ProblemError('not_found', { detail: 'Check the path and the method.' });
  assertJson(request);
  const body = parseJson(textOf(await bodyOf(request)), vendorJsonLimits);
  const answer = await handle(path, body);
  return answer === undefined ? { status: 204 } : { status: 200, body: answer };
}

/** Without the query. */
const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? '/';

function assertJson({ headers }: IncomingMessage): void {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const isPlain = ['identity', undefined].includes(headers['content-encoding']?.toLowerCase());
  if (type === 'application/json' && isPlain) return;
  throw new ProblemError('media_type_not_supported', { detail: 'Send application/json without a content encoding.' });
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = (): void => {
      request.removeAllListeners('data').resume();
      reject(new ProblemError('too_large', { detail: `A request may have at most ${maxVendorRequestBytes} bytes.` }));
    };
    // The limit of slow bodies fails the request with an error, too.
    request.on('error', reject);
    request.on('end', () => resolve(Buffer.concat(chunks)));
    if (Number(request.headers['content-length'] ?? 0) > maxVendorRequestBytes) return tooLarge();
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxVendorRequestBytes) tooLarge();
    });
  });
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ProblemError('bad_request', { detail: 'Send JSON in UTF-8.' });
  }
}

function problemOf(thrown: unknown): ProblemError {
  const isDiskFull = (thrown as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
  return isDiskFull ? new ProblemError('disk_full', { cause: thrown }) : ProblemError.from(thrown);
}
