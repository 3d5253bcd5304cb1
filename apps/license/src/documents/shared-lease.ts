import type { KeyValueStore } from '@app/broker';
import { isLaterLease, type Lease } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import type { ServiceStanding } from '../service-standing';
import { leaseEntry, raiseEntry } from './bucket';
import type { Trust } from './trust';

/** The newest lease, in the bucket and in this process. */
export class SharedLease {
  private newest: { readonly text: string; readonly lease: Lease } | undefined;
  private stored: string | undefined;

  constructor(
    private readonly store: KeyValueStore,
    private readonly standing: ServiceStanding,
    private readonly log: Log,
  ) {}

  /** Takes the value of the entry; undefined if there is none. A lease that cannot be verified is ignored, and all in air-gapped mode. */
  async learn(value: string | undefined, trust: Trust): Promise<void> {
    if (this.standing.mode === 'airgapped') return;
    this.stored = value;
    if (value === undefined || value === this.newest?.text) return;
    try {
      this.take(value, await trust.lease(value));
    } catch (error) {
      const { code, detail } = ProblemError.from(error);
      this.log.warn('lease of the bucket ignored', { code, detail });
    }
  }

  /** Takes a verified lease unless a newer one is known. Whether it was taken. */
  take(text: string, lease: Lease): boolean {
    if (this.newest && !isLaterLease(lease, this.newest.lease)) return false;
    this.newest = { text, lease };
    this.standing.renew(lease);
    return true;
  }

  /** Whether the lease of this process counts for this trust; true without a lease. */
  async isTrusted(trust: Trust): Promise<boolean> {
    if (!this.newest) return true;
    return (await trust.lease(this.newest.text).catch(() => undefined)) !== undefined;
  }

  /** Forgets the lease, whose issuer is not trusted any more. */
  forget(): void {
    this.newest = undefined;
    this.standing.forgetLease();
  }

  /** Writes the lease of this process if the bucket has another one that is not newer. Rejects with `bus_unavailable`. */
  async publish(trust: Trust): Promise<void> {
    if (!this.newest || this.newest.text === this.stored) return;
    const { text, lease } = this.newest;
    const isNewer = async (present: string): Promise<boolean> => {
      const other = await trust.lease(present).catch(() => undefined);
      return other !== undefined && !isLaterLease(lease, other);
    };
    await this.learn(await raiseEntry(this.store, leaseEntry, text, isNewer), trust);
  }
}
