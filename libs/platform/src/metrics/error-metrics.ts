import { Injectable, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { ProblemCode } from '@app/protocol';

const errors = { name: 'antiphon_errors_total', help: 'Problems given to callers.', labelNames: ['code'] as const };

/** Errors by code, in every app. */
@Injectable()
export class ErrorMetrics {
  @InjectMetric(errors.name)
  private readonly errors!: Counter<'code'>;

  count(code: ProblemCode): void {
    this.errors.inc({ code });
  }
}

/** For every PlatformModule. */
export const errorMetrics: readonly Provider[] = [ErrorMetrics, makeCounterProvider(errors)];
