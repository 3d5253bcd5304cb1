import { Inject, Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
import { Readiness } from '../readiness';

const ready = {
  name: 'antiphon_ready',
  help: 'State of each readiness check: 1 if it passes, 0 if it fails.',
  labelNames: ['check'] as const,
};
const started = {
  name: 'antiphon_start_seconds',
  help: 'Time from the start of the process until it was ready, with models loaded and warm, in seconds.',
};

/** Exports the readiness checks, evaluated at each scrape. */
@Injectable()
export class ReadinessMetrics implements OnModuleInit {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  onModuleInit(): void {
    const { readiness } = this;
    // The process has one registry, which may still hold the gauge of an app that was closed.
    register.removeSingleMetric(ready.name);
    new Gauge({
      ...ready,
      collect() {
        this.reset();
        for (const [check, isMet] of readiness.states()) this.set({ check }, isMet ? 1 : 0);
      },
    });
  }
}

/** Providers for the management module. */
export const readinessMetrics: readonly Provider[] = [ReadinessMetrics];

/** Records the time from the start of this process until it was ready. */
export function measureStart(durationMs: number): void {
  const known = register.getSingleMetric(started.name) as Gauge | undefined;
  (known ?? new Gauge(started)).set(durationMs / 1000);
}
