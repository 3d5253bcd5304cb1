import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { Log } from './log';
import { errorMetrics } from './metrics/error-metrics';
import { Readiness } from './readiness';
import { Tracing } from './tracing';

/** The objects that every part of an app can inject. */
export interface Platform {
  readonly log: Log;
  readonly readiness: Readiness;
  readonly tracing: Tracing;
}

/** Makes Log, Readiness, Tracing, ErrorMetrics and the app's own metrics injectable everywhere. */
@Global()
@Module({})
export class PlatformModule {
  static register({ log, readiness, tracing }: Platform, metrics: readonly Provider[] = []): DynamicModule {
    const providers: Provider[] = [
      { provide: Log, useValue: log },
      { provide: Readiness, useValue: readiness },
      { provide: Tracing, useValue: tracing },
      ...errorMetrics,
      ...metrics,
    ];
    return { module: PlatformModule, providers, exports: providers };
  }
}
