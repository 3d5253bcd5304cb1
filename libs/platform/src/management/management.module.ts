import { Module, type DynamicModule } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { readinessMetrics } from '../metrics/readiness-metrics';
import { HealthModule } from './health.module';

/**
 * `/metrics`, `/healthz` and `/readyz`, for the management server or for an app whose API shares the port. Needs
 * PlatformModule.
 */
@Module({})
export class ManagementModule {
  static register(): DynamicModule {
    // The process has one registry, which refuses to register a metric twice.
    const enabled = register.getSingleMetric('process_cpu_seconds_total') === undefined;
    return {
      module: ManagementModule,
      providers: [...readinessMetrics],
      imports: [HealthModule, PrometheusModule.register({ path: '/metrics', defaultMetrics: { enabled } })],
    };
  }
}
