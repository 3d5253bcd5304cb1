import { Injectable, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge } from 'prom-client';

const published = {
  name: 'antiphon_usage_published_total',
  help: 'Usage records that this gateway published and NATS confirmed. A record that was published twice counts twice.',
};
const records = {
  name: 'antiphon_usage_spooled_records',
  help: 'Usage records in the spool of this gateway that NATS has not confirmed yet.',
};
const bytes = {
  name: 'antiphon_usage_spooled_bytes',
  help: 'Size of the spool of this gateway, in bytes. New requests are refused when it reaches USAGE_SPOOL_BYTES.',
};
const limit = {
  name: 'antiphon_usage_spool_limit_bytes',
  help: 'Size of the spool at which new requests are refused (USAGE_SPOOL_BYTES), in bytes.',
};
const age = {
  name: 'antiphon_usage_oldest_record_seconds',
  help: 'Age of the oldest usage record in the spool of this gateway, in seconds. 0 if the spool is empty.',
};

/** The metrics of usage records. */
@Injectable()
export class UsageMetrics {
  @InjectMetric(published.name) private readonly publications!: Counter;
  @InjectMetric(records.name) private readonly records!: Gauge;
  @InjectMetric(bytes.name) private readonly bytes!: Gauge;
  @InjectMetric(limit.name) private readonly limit!: Gauge;
  @InjectMetric(age.name) private readonly age!: Gauge;

  spoolLimit(size: number): void {
    this.limit.set(size);
  }

  published(count: number): void {
    this.publications.inc(count);
  }

  /** The state of the spool. `oldestMs`: age of its oldest record, which counts only if there is one. */
  spooled(count: number, size: number, oldestMs: number): void {
    this.records.set(count);
    this.bytes.set(size);
    this.age.set(count === 0 ? 0 : oldestMs / 1000);
  }
}

/** For the gateway's PlatformModule. */
export const usageMetrics: readonly Provider[] = [
  UsageMetrics,
  makeCounterProvider(published),
  ...[records, bytes, limit, age].map(makeGaugeProvider),
];
