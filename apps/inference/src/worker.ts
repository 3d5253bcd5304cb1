import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { JobStrategy, NatsBroker } from '@app/broker';
import { listen, NestLog, startManagementServer, type AppContext } from '@app/platform';
import type { InferenceConfig } from './inference.config';
import { InferenceModule } from './inference.module';
import { LaneEngines } from './lanes/lane-engines';
import { createServeApp } from './serve/serve-app';
import { WorkerSettings } from './worker-settings';

/** Time after the drain for hand-backs, and for each other part to end, in milliseconds. */
const stopGraceMs = 5_000;

type Context = AppContext<InferenceConfig>;

/** How jobs come to a worker. */
interface JobEntrance {
  readonly app: INestApplicationContext;
  /** The port is opened before the engines are warm, so that its readiness page can report that. */
  readonly port?: number;
  /** Starts taking jobs. */
  readonly begin: () => Promise<unknown>;
}

/** The parts of a worker in both modes. */
interface Worker {
  readonly settings: WorkerSettings;
  readonly broker: NatsBroker;
}

/** Pulls jobs of the configured lanes until shutdown. Resolves when the worker serves. */
export async function startWorker(context: Context): Promise<void> {
  const worker = prepare(context);
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(moduleOf(worker, context, true), {
    logger: new NestLog(context.log),
    abortOnError: false,
    inject: [JobStrategy],
    useFactory: (strategy: JobStrategy) => ({ strategy }),
  });
  await run(context, worker, { app, begin: () => app.listen() });
}

/** Takes jobs by request until shutdown. Resolves when the worker serves. */
export async function startServe(context: Context): Promise<void> {
  const worker = prepare(context);
  const app = await createServeApp(moduleOf(worker, context, false), context);
  const port = await listen(app, context.config);
  // It is not a connected microservice, since Nest would then run the hooks of every provider twice.
  await run(context, worker, { app, port, begin: () => app.get(JobStrategy).start() });
}

function prepare({ config, log }: Context): Worker {
  const settings = new WorkerSettings(config);
  const broker = new NatsBroker({
    servers: config.natsUrl,
    name: settings.workerId,
    replicas: config.jetstreamReplicas,
    log,
    onHandlerError: (err) => log.error('message handler failed', { err }),
  });
  return { settings, broker };
}

const moduleOf = ({ settings, broker }: Worker, context: Context, pulls: boolean) =>
  InferenceModule.register(settings, broker, context, pulls);

async function run(context: Context, { settings, broker }: Worker, { app, port, begin }: JobEntrance): Promise<void> {
  const { config, readiness, shutdown, log } = context;
  const strategy = app.get(JobStrategy);
  const engines = app.get(LaneEngines);
  // A missing handler must be found before the models load, which takes minutes.
  strategy.handlers();
  readiness.add('engines warm', () => engines.isReady);
  readiness.add('bus connected', () => broker.connected);

  const management = await startManagementServer(config, context);
  shutdown.add('refuse new work', stopGraceMs, () => readiness.drain());
  shutdown.add('finish jobs', config.drainTimeoutMs + stopGraceMs, () => strategy.close());
  shutdown.add('take no more', stopGraceMs, () => app.close());
  shutdown.add('stop engines', stopGraceMs, () => engines.stop());
  shutdown.add('leave the bus', stopGraceMs, () => broker.close());
  shutdown.add('close the management port', stopGraceMs, () => management.close());

  await Promise.all([broker.start(), engines.start(settings.lanes)]);
  await begin();
  const ports = { ...(port === undefined ? {} : { port }), metricsPort: management.port };
  log.info('serving', { workerId: settings.workerId, lanes: config.lanes, ...ports });
}
