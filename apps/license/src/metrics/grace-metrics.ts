import { Injectable, type Provider } from '@nestjs/common';
import { InjectMetric, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import type { GraceCause, GraceCountdown } from '@app/licensing';

const ratio = {
  name: 'antiphon_license_grace_ratio',
  help: 'Part of the grace that is left, by cause (expiry, lost_contact): 1 while it has not begun, 0 after its end. Absent for a cause that cannot occur.',
  labelNames: ['cause'] as const,
};
const rest = {
  name: 'antiphon_license_grace_seconds',
  help: 'Time until a cause (expiry, lost_contact) refuses new requests if nothing changes, in seconds. Its whole grace is part of it. 0 after its end. Absent for a cause that cannot occur.',
  labelNames: ['cause'] as const,
};

/** The causes that have a grace at the license app, as values of the label. */
export const graceCauses: readonly GraceCause[] = ['expiry', 'lost_contact'];

/** How much of each grace is left. */
@Injectable()
export class GraceMetrics {
  @InjectMetric(ratio.name) private readonly ratio!: Gauge<'cause'>;
  @InjectMetric(rest.name) private readonly rest!: Gauge<'cause'>;

  /** `countdown` is undefined where the cause cannot occur. */
  set(cause: GraceCause, countdown: GraceCountdown | undefined): void {
    if (countdown) {
      this.ratio.set({ cause }, countdown.restShare);
      this.rest.set({ cause }, countdown.restMs / 1_000);
    } else {
      this.ratio.remove({ cause });
      this.rest.remove({ cause });
    }
  }
}

/** For `licenseMetrics`. */
export const graceMetrics: readonly Provider[] = [GraceMetrics, ...[ratio, rest].map(makeGaugeProvider)];
