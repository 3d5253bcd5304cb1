import multipart from '@fastify/multipart';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { JobClient, Presence, type AppendLog, type Broker } from '@app/broker';
import { loadManifest, type Manifest } from '@app/artifacts';
import { createHttpApp, ErrorMetrics, listen, parseJson, startManagementServer, type AppContext } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { admitByHeaders } from './auth/auth.guard';
import { Concurrency } from './auth/concurrency';
import { Gatekeeper } from './auth/gatekeeper';
import { LicenseClient } from './auth/license.client';
import { Catalogue } from './catalogue/catalogue';
import type { GatewayConfig } from './gateway.config';
import { GatewayModule } from './gateway.module';
import { offeredLanes } from './job-lanes';
import { LaneWatch } from './lane-watch';
import { GatewayMetrics } from './metrics/gateway-metrics';
import { RawWsAdapter } from './sockets/raw-ws.adapter';
import { SocketRegistry } from './sockets/socket-registry';
import { SttSocket } from './sockets/stt.socket';
import { TtsSocket } from './sockets/tts.socket';
import { UsageRecorder } from './usage/usage-recorder';

/** The addresses of a started gateway. */
export interface StartedGateway {
  readonly port: number;
  readonly metricsPort: number;
}

const drainPollMs = 20;
const closeTimeoutMs = 500;
/** Time at the end of a drain for the last finals of STT streams that are still open, in milliseconds. */
const settleMs = 2_000;
/** Time for the publication of the last usage records, in milliseconds. */
const usageDrainMs = 3_000;

/**
 * Starts the gateway with a bus and a log of usage records that have been started. Resolves when the gateway answers
 * requests. Both are closed at shutdown.
 */
export async function startGateway(
  context: AppContext<GatewayConfig>,
  broker: Broker,
  usageLog: AppendLog,
  manifest: Manifest = loadManifest(),
): Promise<StartedGateway> {
  const { config, log, readiness, shutdown } = context;
  const catalogue = Catalogue.from(manifest, { ...config, served: config.served ?? defaultsOf(manifest) });
  const offered = offeredLanes(catalogue, config, broker, log);
  const { lanes, offers } = offered;
  const jobs = new JobClient(broker, {
    gatewayId: config.gatewayId,
    lanes: offers,
    newRequestBudgetMs: config.waitBudgetMs,
    log,
  });
  const presence: Presence = new Presence(broker, {
    gatewayId: config.gatewayId,
    activeByKey: () => concurrency.counts(),
  });
  const concurrency = new Concurrency((keyId) => presence.activeElsewhere(keyId), config.maxConcurrent);
  const module = GatewayModule.register({ config, catalogue, jobs, concurrency, usageLog }, context);
  const app = await createHttpApp(module, log, {
    bodyLimitBytes: config.maxMessageBytes,
    bodyTimes: { idleMs: config.bodyIdleMs, totalMs: config.bodyTimeoutMs },
  });
  admitByHeaders(app.getHttpAdapter().getInstance(), app.get(Gatekeeper));
  await acceptAnyJson(app, config.maxMessageBytes);
  openSockets(app, config.maxMessageBytes, (problem, requestId) => {
    app.get(ErrorMetrics, { strict: false }).count(problem.code);
    log.info('socket refused', { requestId, code: problem.code, ...(problem.cause ? { err: problem.cause } : {}) });
  });
  for (const lane of lanes) await offers.ensureLane(lane);
  const metrics = app.get(GatewayMetrics, { strict: false });
  const watch = new LaneWatch(offers, presence, lanes, metrics, config.waitBudgetMs);
  readiness.add('bus connected', () => broker.connected);
  const usage = app.get(UsageRecorder);
  await startUsage(usage, context);
  await jobs.start();
  presence.start();
  watch.start();

  addDrain(app, concurrency, context);
  shutdown.add('usage', usageDrainMs + 2_000, async () => {
    await usage.drain(usageDrainMs);
    await usageLog.close();
  });
  shutdown.add('bus', 5_000, async () => {
    watch.stop();
    presence.stop();
    app.get(LicenseClient).close();
    await jobs.close();
    offered.close();
    await broker.close();
  });
  const management = await startManagementServer(config, context);
  shutdown.add('management', 1_000, () => management.close());
  return { port: await listen(app, config), metricsPort: management.port };
}

async function startUsage(usage: UsageRecorder, { readiness }: AppContext<GatewayConfig>): Promise<void> {
  readiness.add('usage folder writable', () => usage.canWrite);
  readiness.add('usage records below their limit', () => usage.hasRoom);
  await usage.start();
}

/** Running requests end, then the server closes. */
function addDrain(app: NestFastifyApplication, concurrency: Concurrency, context: AppContext<GatewayConfig>): void {
  const { config, readiness, shutdown } = context;
  shutdown.add('drain', config.drainMs + settleMs + 1_000, async () => {
    readiness.drain();
    app.get(Gatekeeper).close();
    const sockets = app.get(SocketRegistry);
    sockets.drain();
    await idle(concurrency, sockets, config.drainMs);
    await sockets.closeAll(settleMs);
  });
  shutdown.add('http', 5_000, () => closeHttp(app));
}

/**
 * Closes the server. Requests have had their drain time, and a connection that never carried a request would keep the
 * server open.
 */
async function closeHttp(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  const timer = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
  await app.close();
  clearTimeout(timer);
}

/** The ids of the artifacts that the manifest serves by default. */
const defaultsOf = (manifest: Manifest): string[] =>
  manifest.artifacts.flatMap((artifact) => (artifact.default && artifact.serves ? [artifact.id] : []));

/** Parses every body as JSON, whatever its content type is. Forms are the exception. */
async function acceptAnyJson(app: NestFastifyApplication, bodyLimit: number): Promise<void> {
  app.enableCors({ origin: '*', exposedHeaders: '*', maxAge: 86_400 });
  app.getHttpAdapter().getInstance().removeContentTypeParser(['application/json', 'text/plain']);
  app.useBodyParser('*', { bodyLimit }, (_request, body: Buffer, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJson(body.toString('utf8')));
    } catch (error) {
      done(ProblemError.from(error), undefined);
    }
  });
  // Audio is not parsed, for endpoints that take a whole recording.
  app.useBodyParser(/^(audio\/|application\/octet-stream)/, { bodyLimit }, (_request, body: Buffer, done) => {
    done(null, body);
  });
  await app.register(multipart);
}

function openSockets(
  app: NestFastifyApplication,
  maxMessageBytes: number,
  refused: (problem: ProblemError, requestId: string) => void,
): void {
  const checks = { '/tts/websocket': app.get(TtsSocket), '/stt/websocket': app.get(SttSocket) };
  app.useWebSocketAdapter(new RawWsAdapter(app, { checks, maxMessageBytes, refused }));
}

/** Resolves when no work is active. Each socket is closed as soon as it has no active work. */
async function idle(concurrency: Concurrency, sockets: SocketRegistry, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (sockets.closeIdle(); concurrency.total > 0 && performance.now() < until; sockets.closeIdle()) {
    await new Promise((resolve) => setTimeout(resolve, drainPollMs));
  }
}
