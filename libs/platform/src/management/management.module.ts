import { Controller, Get, Module, Res, type DynamicModule } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { Readiness } from '../readiness';

/** `/healthz`: the process answers. `/readyz`: it can serve, or 503 with the names of what is missing. */
@Controller()
class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('healthz')
  alive(): object {
    return { status: 'alive' };
  }

  @Get('readyz')
  ready(@Res({ passthrough: true }) reply: { status(code: number): unknown }): object {
    const missing = this.readiness.missing();
    if (missing.length === 0) return { status: 'ready' };
    reply.status(503);
    return { status: 'not ready', missing };
  }
}

/** `/metrics`, `/healthz` and `/readyz`: for the management listener, or within an app whose API shares the port. Needs PlatformModule. */
@Module({ controllers: [HealthController] })
export class ManagementModule {
  static register(): DynamicModule {
    // The registry is one per process, and refuses to be filled twice.
    const enabled = register.getSingleMetric('process_cpu_seconds_total') === undefined;
    return {
      module: ManagementModule,
      imports: [PrometheusModule.register({ path: '/metrics', defaultMetrics: { enabled } })],
    };
  }
}
