import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { Log } from './log';
import { errorMetrics } from './metrics/error-metrics';
import { Readiness } from './readiness';

/** What every part of an app may ask for. */
export interface Platform {
  readonly log: Log;
  readonly readiness: Readiness;
}

/** Makes Log, Readiness, ErrorMetrics and the app's own metrics injectable everywhere. */
@Global()
@Module({})
export class PlatformModule {
  static register({ log, readiness }: Platform, metrics: readonly Provider[] = []): DynamicModule {
    const providers: Provider[] = [
      { provide: Log, useValue: log },
      { provide: Readiness, useValue: readiness },
      ...errorMetrics,
      ...metrics,
    ];
    return { module: PlatformModule, providers, exports: providers };
  }
}
