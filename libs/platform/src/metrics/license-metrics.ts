import { Injectable, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { authorizeBucketsSeconds } from './buckets';

const requests = {
  name: 'antiphon_license_requests_total',
  help: 'Authorisations by outcome: granted, or the code of the refusal.',
  labelNames: ['outcome'] as const,
};
const duration = {
  name: 'antiphon_license_authorize_seconds',
  help: 'Time to answer an authorisation, within the license app.',
  buckets: authorizeBucketsSeconds,
};
const expiresIn = {
  name: 'antiphon_license_expires_in_seconds',
  help: 'Until the licence expires; negative afterwards.',
};
const keys = { name: 'antiphon_license_keys', help: 'API keys known here.' };

/** What the license app measures. */
@Injectable()
export class LicenseMetrics {
  @InjectMetric(requests.name) private readonly requests!: Counter<'outcome'>;
  @InjectMetric(duration.name) private readonly duration!: Histogram;
  @InjectMetric(expiresIn.name) private readonly expiresIn!: Gauge;
  @InjectMetric(keys.name) private readonly keyCount!: Gauge;

  /** `outcome` is `granted` or the code of the problem. */
  authorized(outcome: string, durationMs: number): void {
    this.requests.inc({ outcome });
    this.duration.observe(durationMs / 1000);
  }

  expiry(inMs: number): void {
    this.expiresIn.set(inMs / 1000);
  }

  keys(count: number): void {
    this.keyCount.set(count);
  }
}

/** For the license app's PlatformModule. */
export const licenseMetrics: readonly Provider[] = [
  LicenseMetrics,
  makeHistogramProvider(duration),
  makeCounterProvider(requests),
  ...[expiresIn, keys].map(makeGaugeProvider),
];
