import { Module, type DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, HealthModule, type Platform } from '@app/platform';
import { offerMediaType } from '@app/protocol';
import { JobsController } from './jobs.controller';

/** Largest job in bytes: the same as the largest NATS message, which holds the job in a queue lane. */
const maxJobBytes = 1024 * 1024;

@Module({ imports: [HealthModule], controllers: [JobsController] })
class ServeModule {}

/** The HTTP side of `inference serve`: `POST /jobs`, `/healthz`, `/readyz`. `worker` provides JobTaker, and PlatformModule. */
export async function createServeApp(worker: DynamicModule, platform: Platform): Promise<NestFastifyApplication> {
  const module: DynamicModule = { module: ServeModule, imports: [worker] };
  const app = await createHttpApp(module, platform.log, { bodyLimitBytes: maxJobBytes });
  app.useBodyParser(offerMediaType, { bodyLimit: maxJobBytes }, (_request, body: Buffer, done) => done(null, body));
  return app;
}
