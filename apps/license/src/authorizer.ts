import { assertLicensed, licenseState, type ApiKeyRecord, type License, type LicenseState } from '@app/licensing';
import {
  ProblemError,
  type AccessTokenRequest,
  type AuthorizationGranted,
  type AuthorizationRequest,
  type Feature,
} from '@app/protocol';
import { isAccessToken, type AccessTokens } from './access-tokens';
import type { KeyDirectory } from './key-directory';

/** How long gateways may keep an answer beyond the revocation delay while they cannot reach the license app. */
export const proxyUnreachableGraceMs = 300_000;

/** Who asks, and how long the credential lasts. */
interface Holder {
  readonly record: ApiKeyRecord;
  /** Infinity for a key. */
  readonly expiresInMs: number;
}

/** Decides from memory alone: which key is it, does the licence hold, does it have the feature. */
export class Authorizer {
  /** The latest time seen: the clock may be set back, the licence does not follow. */
  private latestMs = -Infinity;

  constructor(
    private readonly keys: KeyDirectory,
    private readonly tokens: AccessTokens,
    private readonly licenses: readonly License[],
    private readonly revocationDelayMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Where the licence stands now. */
  state(): LicenseState {
    return licenseState(this.licenses, this.now(), this.latestNow());
  }

  /**
   * Grants, or throws `key_unknown`, `license_expired`, `feature_not_licensed`, `license_unavailable`; for an access token also
   * `token_expired` and `token_not_allowed`.
   */
  authorize(request: AuthorizationRequest): AuthorizationGranted {
    const { feature } = request;
    const state = this.state();
    const { record, expiresInMs } = this.holderOf(request);
    assertLicensed(state, feature);
    if (record.features && !record.features.includes(feature)) {
      throw new ProblemError('feature_not_licensed', { detail: 'Use an API key that has this feature.' });
    }
    const maxConcurrent = lowest(record.maxConcurrent, state.license.limits.maxConcurrent);
    const lastsMs = Math.floor(Math.min(state.grantsForMs, expiresInMs));
    const validForMs = Math.min(this.revocationDelayMs, lastsMs);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      validForMs,
      graceMs: Math.min(proxyUnreachableGraceMs, lastsMs - validForMs),
    };
  }

  /** A token that can do what is asked and the key can do. Throws as `authorize` does, and `token_not_allowed` for a token. */
  issueToken({ key, features, expiresInSeconds, requestId }: AccessTokenRequest): { token: string; keyId: string } {
    if (isAccessToken(key)) throw new ProblemError('token_not_allowed', { detail: 'Use an API key to get a token.' });
    for (const feature of features) this.authorize({ key, feature, requestId });
    const record = this.keys.find(key);
    const expiresAtMs = this.latestNow() + expiresInSeconds * 1_000;
    return { token: this.tokens.issue(record, features, expiresAtMs), keyId: record.id };
  }

  /** A token on a connection that it opened may have expired since. */
  private holderOf({ key, feature, connected }: AuthorizationRequest): Holder {
    if (!isAccessToken(key)) return { record: this.keys.find(key), expiresInMs: Infinity };
    const { record, features, expiresAtMs } = this.tokens.read(key, (id) => this.keys.findById(id));
    const expiresInMs = connected ? Infinity : expiresAtMs - this.latestNow();
    if (expiresInMs <= 0) throw new ProblemError('token_expired');
    if (!(features as readonly Feature[]).includes(feature)) throw new ProblemError('token_not_allowed');
    return { record, expiresInMs };
  }

  /** A clock that is set back revives no token. */
  private latestNow(): number {
    return (this.latestMs = Math.max(this.latestMs, this.now()));
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
