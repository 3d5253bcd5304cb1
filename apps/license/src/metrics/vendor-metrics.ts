import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge } from 'prom-client';

const checkIns = {
  name: 'antiphon_license_check_ins_total',
  help: 'Check-ins of this license app by outcome: lease_taken, or why there is no new lease.',
  labelNames: ['outcome'] as const,
};
const contactAge = {
  name: 'antiphon_license_contact_age_seconds',
  help: 'Time since the newest lease was issued, in seconds, or since the start if there is none. 0 in air-gapped mode.',
};
const telemetry = {
  name: 'antiphon_license_telemetry_reports_total',
  help: 'Usage reports of a month to the licence endpoint by outcome: accepted, refused, or unreachable.',
  labelNames: ['outcome'] as const,
};
const forwards = {
  name: 'antiphon_license_audit_forwards_total',
  help: 'Attempts to forward audit records by outcome: acknowledged, or why not. An alarm needs an operator.',
  labelNames: ['outcome'] as const,
};
const waiting = {
  name: 'antiphon_license_audit_waiting_records',
  help: 'Audit records that the licence endpoint has not acknowledged yet. 0 in air-gapped mode.',
};

const checkInOutcomes = ['lease_taken', 'lease_invalid', 'refused', 'unreachable', 'no_license'];
const telemetryOutcomes = ['accepted', 'refused', 'unreachable'];
const forwardOutcomes = ['acknowledged', 'refused', 'unreachable', 'no_license', 'log_unavailable', 'alarm'];

/** The metrics of connected mode. */
@Injectable()
export class VendorMetrics implements OnModuleInit {
  @InjectMetric(checkIns.name) private readonly checkIns!: Counter<'outcome'>;
  @InjectMetric(contactAge.name) private readonly contactAge!: Gauge;
  @InjectMetric(telemetry.name) private readonly telemetry!: Counter<'outcome'>;
  @InjectMetric(forwards.name) private readonly forwards!: Counter<'outcome'>;
  @InjectMetric(waiting.name) private readonly waitingRecords!: Gauge;

  /** Exports every counter as 0 at start, so that `rate()` sees the first event. */
  onModuleInit(): void {
    for (const outcome of checkInOutcomes) this.checkIns.inc({ outcome }, 0);
    for (const outcome of telemetryOutcomes) this.telemetry.inc({ outcome }, 0);
    for (const outcome of forwardOutcomes) this.forwards.inc({ outcome }, 0);
  }

  checkedIn(outcome: string): void {
    this.checkIns.inc({ outcome });
  }

  contact(ageMs: number): void {
    this.contactAge.set(ageMs / 1_000);
  }

  reported(outcome: string): void {
    this.telemetry.inc({ outcome });
  }

  forwarded(outcome: string): void {
    this.forwards.inc({ outcome });
  }

  waiting(records: number): void {
    this.waitingRecords.set(records);
  }
}

/** For the license app's PlatformModule. */
export const vendorMetrics: readonly Provider[] = [
  VendorMetrics,
  ...[checkIns, telemetry, forwards].map(makeCounterProvider),
  ...[contactAge, waiting].map(makeGaugeProvider),
];
