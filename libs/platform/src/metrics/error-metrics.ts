import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { problems, type ProblemCode } from '@app/protocol';

const errors = {
  name: 'antiphon_errors_total',
  help: 'Problems that callers received, by code of docs/errors.md.',
  labelNames: ['code'] as const,
};

/** Counts errors by code, in every app. Every code is exported as 0 at start, so that `rate()` sees its first error. */
@Injectable()
export class ErrorMetrics implements OnModuleInit {
  @InjectMetric(errors.name)
  private readonly errors!: Counter<'code'>;

  onModuleInit(): void {
    for (const code of Object.keys(problems)) this.errors.inc({ code: code }, 0);
  }

  count(code: ProblemCode): void {
    this.errors.inc({ code });
  }
}

/** Providers for every PlatformModule. */
export const errorMetrics: readonly Provider[] = [ErrorMetrics, makeCounterProvider(errors)];
