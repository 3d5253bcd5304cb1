import type { Lease } from './lease-document';
import type { License } from './license-document';

/** A day in milliseconds. */
export const dayMs = 24 * 60 * 60 * 1_000;

/** How a licence is kept current: by check-ins with the vendor, or by its file alone. */
export type LicenseMode = 'connected' | 'airgapped';

/** What is known at a moment; the state of the service follows from it alone. Times are milliseconds since 1970. */
export interface ServiceFacts {
  readonly mode: LicenseMode;
  /** Verified licences. */
  readonly licenses: readonly License[];
  /** The newest verified lease; read in connected mode only. */
  readonly lease?: Lease | undefined;
  readonly nowMs: number;
  /** The latest time that is known to have passed: a clock that is set back behind it does not help. */
  readonly highWaterMs?: number | undefined;
}

export type GraceCause = 'expiry' | 'lost_contact';
export type RefusalCause = 'expired' | 'lost_contact' | 'not_yet_valid' | 'revoked' | 'no_license';

/**
 * Whether requests are admitted, and why. Times are milliseconds since 1970; `untilMs` is exclusive. Of `serviceState` it
 * is the end by the licence in force; `currentState` knows the others.
 */
export type ServiceState =
  | { readonly state: 'active'; readonly untilMs: number }
  | { readonly state: 'grace'; readonly why: GraceCause; readonly sinceMs: number; readonly untilMs: number }
  /** `sinceMs` is -Infinity where no licence was ever valid before: `not_yet_valid` and `no_license`. */
  | { readonly state: 'refused'; readonly why: RefusalCause; readonly sinceMs: number };

/**
 * The time that counts: the clock, or where the clock is behind it, the latest time known to have passed. The vendor's time of
 * the lease has passed as well.
 */
export function timeUsedMs({ mode, lease, nowMs, highWaterMs = -Infinity }: Omit<ServiceFacts, 'licenses'>): number {
  return Math.max(nowMs, highWaterMs, mode === 'connected' && lease ? lease.iat * 1_000 : -Infinity);
}

/**
 * The licence that counts at a time: of those that have begun, the newest `iat`, whatever the others say. Where none has begun,
 * the one that begins first. A renewal can therefore be installed before its `nbf`.
 */
export function licenseInForce(licenses: readonly License[], timeMs: number): License | undefined {
  const begun = licenses.filter(({ nbf }) => nbf * 1_000 <= timeMs);
  if (begun.length > 0) return begun.reduce((best, other) => (isNewerLicense(other, best) ? other : best));
  return licenses.length > 0 ? licenses.reduce((first, other) => (other.nbf < first.nbf ? other : first)) : undefined;
}

/** The later of two leases by the vendor's time: an answer that was overtaken on its way changes nothing. */
export const newerLease = (known: Lease | undefined, received: Lease): Lease =>
  known && !isLaterLease(received, known) ? known : received;

/**
 * Whether a lease counts instead of another. Each process must choose the same of two leases of one second: one that revokes
 * comes later, then the greater id.
 */
export function isLaterLease(a: Lease, b: Lease): boolean {
  if (a.iat !== b.iat) return a.iat > b.iat;
  const [isRevoked, wasRevoked] = [a.revoked === true, b.revoked === true];
  return isRevoked === wasRevoked ? a.jti > b.jti : isRevoked;
}

/**
 * Whether one licence counts and not the other once both have begun: the later `iat`, then `exp`, then `jti`. Each process
 * must choose the same of two licences that were issued in one second.
 */
export function isNewerLicense(a: License, b: License): boolean {
  if (a.iat !== b.iat) return a.iat > b.iat;
  return a.exp === b.exp ? a.jti > b.jti : a.exp > b.exp;
}

/** The state of the service: the worse of the machines of expiry and, in connected mode, of lost contact. */
export function serviceState(facts: ServiceFacts): ServiceState {
  const timeMs = timeUsedMs(facts);
  const license = licenseInForce(facts.licenses, timeMs);
  if (!license) return { state: 'refused', why: 'no_license', sinceMs: -Infinity };
  const byDate = expiryState(license, timeMs);
  return facts.mode === 'connected' ? worse(byDate, contactState(license, facts.lease, timeMs)) : byDate;
}

/** The machine of expiry: not yet valid until `nbf`, active until `exp`, then grace for `expiryDays`, then refused. */
export function expiryState({ nbf, exp, grace }: License, timeMs: number): ServiceState {
  if (timeMs < nbf * 1_000) return { state: 'refused', why: 'not_yet_valid', sinceMs: -Infinity };
  const endMs = exp * 1_000;
  const refusedMs = endMs + grace.expiryDays * dayMs;
  if (timeMs < endMs) return { state: 'active', untilMs: endMs };
  if (timeMs < refusedMs) return { state: 'grace', why: 'expiry', sinceMs: endMs, untilMs: refusedMs };
  return { state: 'refused', why: 'expired', sinceMs: refusedMs };
}

/**
 * The machine of lost contact: active until the lease ends, then grace for `lostContactDays`, then refused. Before the first
 * lease, contact counts as lost since the licence's `nbf`. A lease that revokes the licence refuses at once.
 */
export function contactState({ jti, nbf, grace }: License, lease: Lease | undefined, timeMs: number): ServiceState {
  if (lease?.revoked && lease.license === jti) return { state: 'refused', why: 'revoked', sinceMs: lease.iat * 1_000 };
  const lostMs = (lease?.exp ?? nbf) * 1_000;
  const refusedMs = lostMs + grace.lostContactDays * dayMs;
  if (timeMs < lostMs) return { state: 'active', untilMs: lostMs };
  if (timeMs < refusedMs) return { state: 'grace', why: 'lost_contact', sinceMs: lostMs, untilMs: refusedMs };
  return { state: 'refused', why: 'lost_contact', sinceMs: refusedMs };
}

const severity = { active: 0, grace: 1, refused: 2 } as const;

/** Of two states of one kind, the one that came or ends first. */
function worse(a: ServiceState, b: ServiceState): ServiceState {
  if (a.state === 'refused' && b.state === 'refused') return b.sinceMs < a.sinceMs ? b : a;
  if (a.state !== 'refused' && b.state !== 'refused' && a.state === b.state) return b.untilMs < a.untilMs ? b : a;
  return severity[b.state] > severity[a.state] ? b : a;
}
