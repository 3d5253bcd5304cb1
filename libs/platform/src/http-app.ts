import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '@app/protocol';
import { defaultBodyTimes, limitBodies, type BodyTimes } from './body-limits';
import type { Log } from './log';
import { ErrorMetrics } from './metrics/error-metrics';
import { NestLog } from './nest-log';
import { problemBody } from './problem-body';
import { ProblemFilter } from './problem.filter';
import { requestIdHeader, requestIdOf } from './request-id';
import { traceHeadersOf, Tracing } from './tracing';

/** Largest body of a request unless an app says otherwise. */
const defaultBodyLimitBytes = 1024 * 1024;

/** The span attribute with the request id, which is called requestId in logs. */
const requestIdName = 'antiphon.request_id';

/** The options of an app's HTTP server. */
export interface HttpOptions {
  readonly bodyLimitBytes?: number;
  readonly bodyTimes?: BodyTimes;
}

/** A Fastify adapter that assigns our request ids (`request.id`). Every response repeats the id in X-Request-Id. */
function httpAdapter({
  bodyLimitBytes = defaultBodyLimitBytes,
  bodyTimes = defaultBodyTimes,
}: HttpOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    // Clients join base URLs and paths with missing or double slashes.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    // Idle keep-alive connections must not delay a shutdown.
    forceCloseConnections: 'idle',
    // Fastify's own answer to a URL that it cannot decode quotes the URL, and a key with it.
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const problem = new ProblemError('bad_request', { detail: 'The path cannot be decoded: check its % signs.' });
      void reply
        .status(problem.row.status)
        .headers({ [requestIdHeader]: request.id, 'content-type': 'application/json; charset=utf-8' })
        .send(problemBody(problem, request.id));
    },
  });
  limitBodies(adapter.getInstance().server, bodyTimes);
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    void reply.header(requestIdHeader, request.id);
    done();
  });
  return adapter;
}

/**
 * Creates a Nest application on Fastify with our log, request ids and problems. Its module must import PlatformModule.
 * Errors at start are thrown, not swallowed.
 */
export async function createHttpApp(
  module: Parameters<typeof NestFactory.create>[0],
  log: Log,
  options: HttpOptions = {},
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(module, httpAdapter(options), {
    logger: new NestLog(log),
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(log, app.get(ErrorMetrics, { strict: false })));
  traceRequests(app, app.get(Tracing, { strict: false }));
  return app;
}

/** Paths that probes and Prometheus request all the time. */
const untraced = new Set(['/metrics', '/healthz', '/readyz']);

/**
 * Makes a span for each request. Its trace context replaces the one in the request's headers, so that handlers pass it
 * on.
 */
function traceRequests(app: NestFastifyApplication, tracing: Tracing): void {
  if (!tracing.isOn) return;
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    if (!untraced.has(route)) {
      const attributes = { 'http.request.method': request.method, 'http.route': route, [requestIdName]: request.id };
      const parent = traceHeadersOf(request.headers);
      const span = tracing.start(`${request.method} ${route}`, { parent, kind: 'server', attributes });
      Object.assign(request.headers, span.headers);
      reply.raw.once('close', () => {
        span.set({ 'http.response.status_code': reply.statusCode });
        span.end(reply.statusCode >= 500 ? String(reply.statusCode) : undefined);
      });
    }
    done();
  });
}

/**
 * Listens and returns the port, also if 0 was given. Throws `port_taken` with the variable to change if the port is in
 * use.
 */
export async function listen(
  app: NestFastifyApplication,
  { host, port, variable = 'PORT' }: { readonly host: string; readonly port: number; readonly variable?: string },
): Promise<number> {
  await app.init();
  try {
    // The framework's own `listen` logs a failure, which would then be logged twice.
    await app.getHttpAdapter().getInstance().listen({ port, host });
  } catch (error) {
    if (!isAddressInUse(error)) throw error;
    const detail = `Port ${port} on ${host} is taken. Set ${variable} to another port, or stop the process that uses it.`;
    throw new ProblemError('port_taken', { detail, cause: error });
  }
  return (app.getHttpServer().address() as AddressInfo).port;
}

const isAddressInUse = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
