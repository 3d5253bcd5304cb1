import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { authorizeBucketsSeconds } from '@app/platform';
import { graceMetrics } from './grace-metrics';
import { standings, type Standing } from './standing';

const requests = {
  name: 'antiphon_license_requests_total',
  help: 'Authorisations by outcome: granted, or the error code of the refusal.',
  labelNames: ['outcome'] as const,
};
const duration = {
  name: 'antiphon_license_authorize_seconds',
  help: 'Time that the license app took to answer an authorisation, in seconds.',
  buckets: authorizeBucketsSeconds,
};
const expiresIn = {
  name: 'antiphon_license_expires_in_seconds',
  help: 'Time until the licence expires, in seconds. Negative after the expiry.',
};
const grantsFor = {
  name: 'antiphon_license_grants_for_seconds',
  help: 'Time until requests are refused, which is the end of the grace period, in seconds. 0 if they are refused already.',
};
const standing = {
  name: 'antiphon_license_standing',
  help: 'State of the service: 1 for the current standing of valid, in_grace, expired, contact_lost, revoked, not_yet_valid and missing, 0 for the others.',
  labelNames: ['standing'] as const,
};
const keys = { name: 'antiphon_license_keys', help: 'Number of API keys that this license app has read.' };

const logBytes = {
  name: 'antiphon_license_log_bytes',
  help: 'Size of the JetStream stream of usage records or of the audit log, in bytes.',
  labelNames: ['log'] as const,
};
const logLimitBytes = {
  name: 'antiphon_license_log_limit_bytes',
  help: 'Size at which the JetStream stream of usage records or of the audit log takes no more, in bytes.',
  labelNames: ['log'] as const,
};

const outcomes = [
  'granted',
  'key_unknown',
  'key_expired',
  'key_revoked',
  'token_expired',
  'scope_missing',
  'token_not_allowed',
  'license_expired',
  'license_contact_lost',
  'license_revoked',
  'license_not_yet_valid',
  'license_missing',
  'quota_exceeded',
  'license_quota_exceeded',
  'feature_not_licensed',
  'model_not_licensed',
  'license_unavailable',
  'audit_log_full',
];

/** The logs that have a size limit, as the label `log` has them. */
export type MeasuredLog = 'usage' | 'audit';

/** The state of a licence at a moment. */
export interface MeasuredLicense {
  readonly standing: Standing;
  /** Negative after the expiry. */
  readonly expiresInMs: number;
  /** Milliseconds until requests are refused. 0 if they are refused already. */
  readonly grantsForMs: number;
}

/** The metrics of the license app. */
@Injectable()
export class LicenseMetrics implements OnModuleInit {
  @InjectMetric(requests.name) private readonly requests!: Counter<'outcome'>;
  @InjectMetric(duration.name) private readonly duration!: Histogram;
  @InjectMetric(expiresIn.name) private readonly expiresIn!: Gauge;
  @InjectMetric(grantsFor.name) private readonly grantsFor!: Gauge;
  @InjectMetric(standing.name) private readonly standings!: Gauge<'standing'>;
  @InjectMetric(keys.name) private readonly keyCount!: Gauge;
  @InjectMetric(logBytes.name) private readonly logBytes!: Gauge<'log'>;
  @InjectMetric(logLimitBytes.name) private readonly logLimitBytes!: Gauge<'log'>;

  /** Exports every counter as 0 at start, so that `rate()` sees the first event. */
  onModuleInit(): void {
    for (const outcome of outcomes) this.requests.inc({ outcome }, 0);
  }

  /** `outcome` is `granted` or the code of the problem. */
  authorized(outcome: string, durationMs: number): void {
    this.requests.inc({ outcome });
    this.duration.observe(durationMs / 1000);
  }

  license(state: MeasuredLicense): void {
    this.expiresIn.set(state.expiresInMs / 1000);
    this.grantsFor.set(state.grantsForMs / 1000);
    for (const each of standings) this.standings.set({ standing: each }, each === state.standing ? 1 : 0);
  }

  keys(count: number): void {
    this.keyCount.set(count);
  }

  /** `limitBytes` is undefined where only the disk bounds the log; it has no series then. */
  logSize(log: MeasuredLog, bytes: number, limitBytes: number | undefined): void {
    this.logBytes.set({ log }, bytes);
    if (limitBytes === undefined) this.logLimitBytes.remove({ log });
    else this.logLimitBytes.set({ log }, limitBytes);
  }
}

/** For the license app's PlatformModule. */
export const licenseMetrics: readonly Provider[] = [
  LicenseMetrics,
  makeHistogramProvider(duration),
  makeCounterProvider(requests),
  ...[expiresIn, grantsFor, standing, keys, logBytes, logLimitBytes].map(makeGaugeProvider),
  ...graceMetrics,
];
