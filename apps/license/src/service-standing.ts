import {
  currentState,
  licenseInForce,
  newerLease,
  observeClock,
  raiseHighWater,
  serviceEndMs,
  startHighWater,
  timeUsedMs,
  type ClockReading,
  type HighWater,
  type Lease,
  type License,
  type LicenseMode,
  type ServiceFacts,
  type ServiceState,
} from '@app/licensing';

const readClocks = (): ClockReading => ({ wallMs: Date.now(), monotonicMs: performance.now() });

/** The licences, the lease and the clock of this process, and what follows from them. */
export class ServiceStanding {
  private lease: Lease | undefined;
  private highWater: HighWater;
  /** From the first reading on, whether or not that clock has settled. Counts in this process alone. */
  private sinceStart: HighWater;

  constructor(
    readonly mode: LicenseMode,
    private licenses: readonly License[],
    private readonly clocks: () => ClockReading = readClocks,
  ) {
    const { wallMs, monotonicMs } = clocks();
    this.highWater = startHighWater(-Infinity, monotonicMs);
    this.sinceStart = startHighWater(wallMs, monotonicMs);
  }

  /** The latest time that is known to have passed: what to persist and to share between replicas. -Infinity if none is. */
  get highWaterMs(): number {
    this.observe();
    return this.highWater.markMs;
  }

  /** Takes the mark of another replica or of an earlier process. */
  raise(highWaterMs: number): void {
    // A time that is proven now must not be counted from an earlier reading on.
    this.observe();
    this.highWater = raiseHighWater(this.highWater, highWaterMs);
  }

  /** Replaces the verified licences. */
  install(licenses: readonly License[]): void {
    this.licenses = licenses;
  }

  /** Takes a verified lease unless a newer one is known. */
  renew(lease: Lease): void {
    this.lease = newerLease(this.lease, lease);
    this.raise(this.lease.iat * 1_000);
  }

  /** Forgets the lease, whose issuer is not trusted any more. */
  forgetLease(): void {
    this.lease = undefined;
  }

  /** What is known now, for `forecast` and the functions below. */
  facts(): ServiceFacts {
    const nowMs = this.observe();
    const { mode, licenses, lease } = this;
    const highWaterMs = Math.max(this.highWater.markMs, this.sinceStart.markMs);
    return { mode, licenses, lease, highWaterMs, nowMs };
  }

  /**
   * The time that counts, in milliseconds since 1970. It is at least the first reading of the clock and what has passed
   * since. It goes back only from a jump ahead that is corrected before it settles.
   */
  timeMs(): number {
    return timeUsedMs(this.facts());
  }

  /** The state of the service, and until when it lasts if nothing changes. */
  state(): ServiceState {
    return currentState(this.facts());
  }

  /** The licence that counts now. */
  license(): License | undefined {
    const facts = this.facts();
    return licenseInForce(facts.licenses, timeUsedMs(facts));
  }

  /** Milliseconds until new requests are refused if nothing changes; 0 where they are refused now. */
  grantsForMs(): number {
    const facts = this.facts();
    return Math.max(0, serviceEndMs(facts) - timeUsedMs(facts));
  }

  /** Reads both clocks, moves the marks, and returns the wall clock. */
  private observe(): number {
    const reading = this.clocks();
    this.highWater = observeClock(this.highWater, reading);
    this.sinceStart = observeClock(this.sinceStart, reading);
    return reading.wallMs;
  }
}
