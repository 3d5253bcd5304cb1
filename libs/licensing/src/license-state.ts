import { ProblemError } from '@app/protocol';
import type { License } from './license-document';

/** A day, in milliseconds. */
export const dayMs = 24 * 60 * 60 * 1_000;

/** The standing of a licence. `in_grace` has expired but still grants requests. */
export type LicenseStanding = 'not_yet_valid' | 'valid' | 'in_grace' | 'expired';

/** The licence that counts, and its standing at a time. */
export interface LicenseState {
  readonly license: License;
  readonly standing: LicenseStanding;
  /** Milliseconds until `expires_at`. Negative after it. */
  readonly expiresInMs: number;
  /** Milliseconds until requests are refused, which is the end of the grace period. 0 if they are refused already. */
  readonly grantsForMs: number;
}

/**
 * The state at a time. If there are several licences, the one with the newest `issued_at` counts. `floorMs` is the
 * latest time that is known to have passed, so that setting the clock back has no effect.
 */
export function licenseState(licenses: readonly License[], nowMs: number, floorMs = -Infinity): LicenseState {
  const [first, ...others] = licenses;
  if (!first) throw new ProblemError('license_invalid', { detail: 'There is no licence.' });
  const license = others.reduce((best, other) => (issuedAt(other) > issuedAt(best) ? other : best), first);
  const timeMs = Math.max(nowMs, floorMs);
  const expiresInMs = Date.parse(license.expires_at) - timeMs;
  const untilRefusalMs = expiresInMs + license.grace_days * dayMs;
  const standing = standingOf(issuedAt(license) - timeMs, expiresInMs, untilRefusalMs);
  const grants = standing === 'valid' || standing === 'in_grace';
  return { license, standing, expiresInMs, grantsForMs: grants ? untilRefusalMs : 0 };
}

function standingOf(startsInMs: number, expiresInMs: number, untilRefusalMs: number): LicenseStanding {
  if (startsInMs > 0) return 'not_yet_valid';
  if (expiresInMs > 0) return 'valid';
  return untilRefusalMs > 0 ? 'in_grace' : 'expired';
}

const issuedAt = (license: License): number => Date.parse(license.issued_at);

/** Throws `license_expired` or `feature_not_licensed` if the state does not allow a feature. */
export function assertLicensed({ license, standing }: LicenseState, feature: string): void {
  switch (standing) {
    case 'not_yet_valid':
      throw new ProblemError('license_expired', { detail: `The licence is not valid before ${license.issued_at}.` });
    case 'expired':
      throw new ProblemError('license_expired');
    case 'valid':
    case 'in_grace':
      if (!license.features.includes(feature)) throw new ProblemError('feature_not_licensed');
  }
}
