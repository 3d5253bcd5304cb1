import { assertLicensed, hasScope, licenseState, type License, type LicenseState } from '@app/licensing';
import { ProblemError, type AuthorizationGranted, type AuthorizationRequest } from '@app/protocol';
import type { KeyDirectory } from './keys/key-directory';

/** Decides from memory alone: which key is it, does the licence hold, does it have the feature. */
export class Authorizer {
  /** The latest time seen: the clock may be set back, the licence does not follow. */
  private latestMs = -Infinity;

  constructor(
    private readonly keys: KeyDirectory,
    private readonly licenses: readonly License[],
    private readonly revocationDelayMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** The time that counts, in milliseconds since 1970: the latest that was seen. */
  timeMs(): number {
    this.latestMs = Math.max(this.latestMs, this.now());
    return this.latestMs;
  }

  /** Where the licence stands now. */
  state(): LicenseState {
    return licenseState(this.licenses, this.now(), this.timeMs());
  }

  /** Grants, or throws what the key, the licence or the scopes of the key have against it. */
  authorize({ key, feature }: AuthorizationRequest): AuthorizationGranted {
    const { record, untilMs } = this.keys.find(key, this.timeMs());
    const state = this.state();
    assertLicensed(state, feature);
    if (!hasScope(record, feature)) {
      throw new ProblemError('scope_missing', { detail: `Use an API key that has the scope ${feature}.` });
    }
    const maxConcurrent = lowest(record.maxConcurrent, state.license.limits.maxConcurrent);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      validForMs: Math.floor(Math.min(this.revocationDelayMs, state.grantsForMs, untilMs - this.timeMs())),
    };
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
