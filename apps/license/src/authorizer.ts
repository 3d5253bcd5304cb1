import { ProblemError, type AuthorizationGranted, type AuthorizationRequest } from '@app/protocol';
import type { KeyDirectory } from './key-directory';
import type { ServiceStanding } from './service-standing';

/** Decides whether a request may run: finds the key and checks the licence, the feature and the model. Uses memory only. */
export class Authorizer {
  constructor(
    private readonly keys: KeyDirectory,
    private readonly standing: ServiceStanding,
    private readonly revocationDelayMs: number,
  ) {}

  /** Grants, or throws `key_unknown`, `license_unavailable`, or what the licence refuses. */
  authorize({ key, feature, model }: AuthorizationRequest): AuthorizationGranted {
    const record = this.keys.find(key);
    const license = this.standing.assertLicensed({ feature, model });
    if (record.features && !record.features.includes(feature)) {
      throw new ProblemError('feature_not_licensed', { detail: 'Use an API key that has this feature.' });
    }
    const maxConcurrent = lowest(record.maxConcurrent, license.limits.maxConcurrent);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      validForMs: Math.floor(Math.min(this.revocationDelayMs, this.standing.grantsForMs())),
    };
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
