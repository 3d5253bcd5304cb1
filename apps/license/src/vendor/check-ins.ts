import { CheckInAnswer, vendorPaths, type CheckInRequest, type Lease, type ServiceState } from '@app/licensing';
import { productVersion, ProblemError } from '@app/protocol';
import { afterFailure, afterLease, asking, isDue, scheduleAtStart, type CheckInSchedule } from './check-in-schedule';
import type { SeenFailure, VendorLink } from './vendor-link';
import { whyOf } from './vendor-outcome';

/** What check-ins read and change of the license app. */
export interface CheckInParts {
  readonly state: () => ServiceState['state'];
  /** The newest lease that is known, whichever replica received it. */
  readonly lease: () => Lease | undefined;
  /** Verifies a lease and puts it in force unless a newer one is; rejects with why it cannot be used, and changes nothing then. */
  readonly takeLease: (text: string) => Promise<Lease>;
  /** The time that counts, in milliseconds since 1970. */
  readonly timeMs: () => number;
  /** Id of the key that signs checkpoints, once there is one. */
  readonly auditKeyId?: (() => string | undefined) | undefined;
  /** Called after each lease that this process received. */
  readonly onLease?: () => void;
}

type Failed = Pick<SeenFailure, 'outcome' | 'why'>;

/**
 * Checks in when it is due. `tick` looks whether it is. A refusal of the endpoint changes nothing: only a signed lease can
 * revoke a licence.
 */
export class CheckIns {
  private schedule: CheckInSchedule;
  private known: Lease | undefined;
  private failed: SeenFailure | undefined;

  constructor(
    private readonly link: VendorLink,
    private readonly parts: CheckInParts,
  ) {
    this.known = parts.lease();
    this.schedule = scheduleAtStart(this.known, parts.timeMs(), link.nowMs(), link.random());
  }

  /** When the next check-in is due; undefined while one is under way. */
  get dueMs(): number | undefined {
    return this.schedule.state === 'asking' ? undefined : this.schedule.dueMs;
  }

  /** Why the last check-in gave no lease; undefined after one that did. */
  get failure(): SeenFailure | undefined {
    return this.failed;
  }

  /** Checks in if it is due. Resolves once the check-in is over. */
  async tick(): Promise<void> {
    const { nowMs, random, metrics, log } = this.link;
    this.seeLease();
    const hasLeaseEnded = this.known !== undefined && this.parts.timeMs() >= this.known.exp * 1_000;
    if (!isDue(this.schedule, nowMs(), hasLeaseEnded)) return;
    this.schedule = asking(this.schedule);
    const failed = await this.checkIn();
    const lease = this.parts.lease();
    if (failed || !lease) {
      const why = failed ?? { outcome: 'lease_invalid', why: 'not_in_force' };
      this.failed = { at: new Date().toISOString(), request: 'check-in', ...why };
      this.schedule = afterFailure(this.schedule, lease, nowMs(), random());
      metrics.checkedIn(why.outcome);
      log.warn('check-in failed', { ...why, retryInMs: Math.round((this.dueMs ?? 0) - nowMs()) });
      return;
    }
    this.failed = undefined;
    this.known = lease;
    this.schedule = afterLease(lease, nowMs(), random());
    metrics.checkedIn('lease_taken');
    log.info('checked in', { leaseId: lease.jti, until: new Date(lease.exp * 1_000).toISOString() });
    this.parts.onLease?.();
  }

  /** A lease that another replica received is as good as one's own. */
  private seeLease(): void {
    const lease = this.parts.lease();
    if (!lease || lease.iat <= (this.known?.iat ?? -1) || this.schedule.state === 'asking') return;
    this.known = lease;
    this.failed = undefined;
    this.schedule = afterLease(lease, this.link.nowMs(), this.link.random());
  }

  /** undefined where a lease was taken. Never rejects: the schedule would stand still. */
  private async checkIn(): Promise<Failed | undefined> {
    try {
      const request = this.request();
      if (!request) return { outcome: 'no_license', why: 'no_license' };
      const before = this.parts.lease();
      const answer = await this.link.client.post(vendorPaths.checkIn, request, CheckInAnswer);
      if (answer.outcome !== 'answered') return { outcome: answer.outcome, why: whyOf(answer) };
      const taken = await this.parts.takeLease(answer.answer.lease);
      if (!before || taken.iat >= before.iat) return undefined;
      return { outcome: 'lease_invalid', why: `older than the lease in force: ${taken.jti}` };
    } catch (error) {
      const { code, detail } = ProblemError.from(error);
      return { outcome: 'lease_invalid', why: `${code}: ${detail}` };
    }
  }

  private request(): CheckInRequest | undefined {
    const caller = this.link.caller();
    if (!caller) return undefined;
    const auditKeyId = this.parts.auditKeyId?.();
    const state = this.parts.state();
    return { ...caller, version: productVersion, state, ...(auditKeyId === undefined ? {} : { auditKeyId }) };
  }
}
