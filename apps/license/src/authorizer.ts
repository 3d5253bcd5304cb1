import { hasScope } from '@app/licensing';
import { ProblemError, type AuthorizationGranted, type AuthorizationRequest } from '@app/protocol';
import type { KeyDirectory } from './keys/key-directory';
import type { ServiceStanding } from './service-standing';

/**
 * Decides whether a request may run: finds the key and checks the licence, the feature, the model and the scopes of the key.
 * Uses memory only.
 */
export class Authorizer {
  constructor(
    private readonly keys: KeyDirectory,
    private readonly standing: ServiceStanding,
    private readonly revocationDelayMs: number,
  ) {}

  /** Grants, or throws the refusal of the key, of the licence or of the scopes of the key. */
  authorize({ key, feature, model }: AuthorizationRequest): AuthorizationGranted {
    const nowMs = this.standing.timeMs();
    const { record, untilMs } = this.keys.find(key, nowMs);
    const license = this.standing.assertLicensed({ feature, model });
    if (!hasScope(record, feature)) {
      throw new ProblemError('scope_missing', { detail: `Use an API key that has the scope ${feature}.` });
    }
    const maxConcurrent = lowest(record.maxConcurrent, license.limits.maxConcurrent);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      validForMs: Math.floor(Math.min(this.revocationDelayMs, this.standing.grantsForMs(), untilMs - nowMs)),
    };
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
