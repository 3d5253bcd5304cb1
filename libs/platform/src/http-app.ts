import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProblemError } from '@app/protocol';
import { defaultBodyTimes, limitBody, type BodyTimes } from './body-limits';
import type { Log } from './log';
import { ErrorMetrics } from './metrics/error-metrics';
import { NestLog } from './nest-log';
import { ProblemFilter } from './problem.filter';
import { requestIdHeader, requestIdOf } from './request-id';
import { traceHeadersOf, Tracing } from './tracing';

/** Largest body of a request unless an app says otherwise. */
const defaultBodyLimitBytes = 1024 * 1024;

/** The attribute of spans that logs call requestId. */
const requestIdName = 'antiphon.request_id';

/** What an app says of the requests that it takes. */
export interface HttpOptions {
  readonly bodyLimitBytes?: number;
  readonly bodyTimes?: BodyTimes;
}

/** A Fastify adapter whose requests have our ids (`request.id`), which every response repeats in X-Request-Id. */
function httpAdapter({
  bodyLimitBytes = defaultBodyLimitBytes,
  bodyTimes = defaultBodyTimes,
}: HttpOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    // Clients join base URLs and paths as they please.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    // Idle keep-alive connections must not hold up a shutdown.
    forceCloseConnections: 'idle',
  });
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    void reply.header(requestIdHeader, request.id);
    limitBody(request.raw, reply.raw, bodyTimes);
    done();
  });
  return adapter;
}

/** A Nest application on Fastify with our log, request ids and problems (its module imports PlatformModule); errors at start are thrown, not swallowed. */
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

/** What machines ask all the time. */
const untraced = new Set(['/metrics', '/healthz', '/readyz']);

/** A span for each request; what its handlers cause finds its trace context among the request's headers. */
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

/** Listens and gives the port, also where 0 was asked for. A port in use is `port_taken`, naming the variable to change. */
export async function listen(
  app: NestFastifyApplication,
  { host, port, variable = 'PORT' }: { readonly host: string; readonly port: number; readonly variable?: string },
): Promise<number> {
  await app.init();
  try {
    // The framework's own `listen` logs a failure, which is then said twice.
    await app.getHttpAdapter().getInstance().listen({ port, host });
  } catch (error) {
    if (!isAddressInUse(error)) throw error;
    const detail = `Port ${port} on ${host} is taken: set ${variable} to another one, or stop what uses it.`;
    throw new ProblemError('port_taken', { detail, cause: error });
  }
  return (app.getHttpServer().address() as AddressInfo).port;
}

const isAddressInUse = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
