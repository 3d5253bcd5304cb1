import { Controller, Get, Module, Res } from '@nestjs/common';
import { Readiness } from '../readiness';

/**
 * `/healthz`: 200 while the process answers. `/readyz`: 200 if it can serve, else 503 with the names of the failed
 * checks.
 */
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

/** `/healthz` and `/readyz` alone, for an API whose port is the only one that probes can reach. Needs PlatformModule. */
@Module({ controllers: [HealthController] })
export class HealthModule {}
