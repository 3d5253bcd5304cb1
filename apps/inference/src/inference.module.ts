import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { JobStrategy, JobTaker, type Broker } from '@app/broker';
import { Log, PlatformModule, type Platform } from '@app/platform';
import * as handlers from './handlers';
import { LaneEngines } from './lanes/lane-engines';
import { inferenceMetrics, InferenceMetrics } from './metrics/inference-metrics';
import { SeatCounter } from './seat-counter';
import { tracedHandler } from './tracing/traced-handler';
import { WorkerSettings } from './worker-settings';

/** The worker: a handler for each kind of job, and the engines behind them. */
@Module({ controllers: Object.values(handlers) })
export class InferenceModule {
  /** `pulls`: whether it pulls jobs from the lanes. If not, JobTaker gets them by request. */
  static register(settings: WorkerSettings, broker: Broker, platform: Platform, pulls: boolean): DynamicModule {
    return {
      module: InferenceModule,
      exports: [JobTaker],
      imports: [DiscoveryModule, PlatformModule.register(platform, inferenceMetrics)],
      providers: [
        { provide: WorkerSettings, useValue: settings },
        {
          provide: LaneEngines,
          inject: [WorkerSettings, InferenceMetrics, Log],
          useFactory: (...needs: ConstructorParameters<typeof LaneEngines>) => new LaneEngines(...needs),
        },
        {
          provide: JobStrategy,
          inject: [DiscoveryService, InferenceMetrics],
          useFactory: (discovery: DiscoveryService, metrics: InferenceMetrics) =>
            new JobStrategy(discovery, {
              broker,
              workerId: settings.workerId,
              pulls,
              drainTimeoutMs: settings.config.drainTimeoutMs,
              log: platform.log,
              around: (kind, handler) => tracedHandler(platform.tracing, kind, handler),
              observer: new SeatCounter(metrics, settings.lanes, settings.tuning.batchSize),
              lanes: settings.lanes.map((lane) => ({ lane, seats: settings.tuning.batchSize })),
            }),
        },
        { provide: JobTaker, useExisting: JobStrategy },
      ],
    };
  }
}
