import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { JobExceptionFilter, JobStrategy, NatsBroker } from '@app/broker';
import { NestLog, startManagementServer, type AppContext } from '@app/platform';
import type { InferenceConfig } from './inference.config';
import { InferenceModule } from './inference.module';
import { LaneEngines } from './lanes/lane-engines';
import { WorkerSettings } from './worker-settings';

/** Time beyond the drain for hand-backs, and for each other part to end. */
const stopGraceMs = 5_000;

/** Serves the lanes of the configuration until the process is told to stop. Resolves once jobs are pulled. */
export async function startWorker(context: AppContext<InferenceConfig>): Promise<void> {
  const { config, readiness, shutdown, log } = context;
  const settings = new WorkerSettings(config);
  const broker = new NatsBroker({
    servers: config.natsUrl,
    name: settings.workerId,
    onHandlerError: (err) => log.error('message handler failed', { err }),
  });
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(
    InferenceModule.register(settings, broker, context),
    {
      logger: new NestLog(log),
      abortOnError: false,
      inject: [JobStrategy],
      useFactory: (strategy: JobStrategy) => ({ strategy }),
    },
  );
  app.useGlobalFilters(new JobExceptionFilter());
  const engines = app.get(LaneEngines);
  readiness.add('engines warm', () => engines.isReady);
  readiness.add('bus connected', () => broker.connected);

  const management = await startManagementServer(config, context);
  shutdown.add('refuse new work', stopGraceMs, () => readiness.drain());
  shutdown.add('finish jobs', config.drainTimeoutMs + stopGraceMs, () => app.close());
  shutdown.add('stop engines', stopGraceMs, () => engines.stop());
  shutdown.add('leave the bus', stopGraceMs, () => broker.close());
  shutdown.add('close the management port', stopGraceMs, () => management.close());

  await Promise.all([broker.start(), engines.start(settings.lanes)]);
  await app.listen();
  log.info('serving', { workerId: settings.workerId, lanes: config.lanes, port: management.port });
}
