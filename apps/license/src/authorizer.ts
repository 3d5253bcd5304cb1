import { assertLicensed, licenseState, type License, type LicenseState } from '@app/licensing';
import { ProblemError, type AuthorizationGranted, type AuthorizationRequest } from '@app/protocol';
import type { KeyDirectory } from './key-directory';

/** Decides whether a request may run: finds the key and checks the licence and the feature. Uses memory only. */
export class Authorizer {
  /** The latest time seen. If the clock is set back, the licence still uses this time. */
  private latestMs = -Infinity;

  constructor(
    private readonly keys: KeyDirectory,
    private readonly licenses: readonly License[],
    private readonly revocationDelayMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** The current state of the licence. */
  state(): LicenseState {
    this.latestMs = Math.max(this.latestMs, this.now());
    return licenseState(this.licenses, this.now(), this.latestMs);
  }

  /** Grants, or throws `key_unknown`, `license_expired`, `feature_not_licensed`, `license_unavailable`. */
  authorize({ key, feature }: AuthorizationRequest): AuthorizationGranted {
    const record = this.keys.find(key);
    const state = this.state();
    assertLicensed(state, feature);
    if (record.features && !record.features.includes(feature)) {
      throw new ProblemError('feature_not_licensed', { detail: 'Use an API key that has this feature.' });
    }
    const maxConcurrent = lowest(record.maxConcurrent, state.license.limits.maxConcurrent);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      validForMs: Math.floor(Math.min(this.revocationDelayMs, state.grantsForMs)),
    };
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
