import { hasScope } from '@app/licensing';
import {
  ProblemError,
  type AccessTokenRequest,
  type AuthorizationGranted,
  type AuthorizationRequest,
  type Feature,
} from '@app/protocol';
import { isAccessToken, type AccessTokens } from './access-tokens';
import type { FoundKey, KeyDirectory } from './keys/key-directory';
import type { ServiceStanding } from './service-standing';

/**
 * Decides whether a request may run: finds the key, directly or by an access token, and checks the licence, the feature, the
 * model and the scopes of the key. Uses memory only.
 */
export class Authorizer {
  constructor(
    private readonly keys: KeyDirectory,
    private readonly tokens: AccessTokens,
    private readonly standing: ServiceStanding,
    private readonly revocationDelayMs: number,
    private readonly assertRoom: () => void = () => undefined,
  ) {}

  /**
   * Grants, or throws the refusal of the key, of the licence or of the scopes of the key. For an access token also
   * `token_expired` and `token_not_allowed`. `audit_log_full` where the logs have no room for the records of the request.
   */
  authorize(request: AuthorizationRequest): AuthorizationGranted {
    const { feature, model } = request;
    const nowMs = this.standing.timeMs();
    const { record, untilMs, freshUntilMs } = this.holderOf(request, nowMs);
    const license = this.standing.assertLicensed({ feature, model });
    if (!hasScope(record, feature)) {
      throw new ProblemError('scope_missing', { detail: `Use an API key that has the scope ${feature}.` });
    }
    this.assertRoom();
    const maxConcurrent = lowest(record.maxConcurrent, license.limits.maxConcurrent);
    // The end of the licence, of the key and of the token is known: no answer outlives it.
    const endsInMs = Math.floor(Math.min(this.standing.grantsForMs(), untilMs - nowMs));
    const validForMs = Math.min(this.revocationDelayMs, Math.floor(freshUntilMs - nowMs), endsInMs);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      ...(license.models ? { models: license.models } : {}),
      validForMs,
      graceMs: Math.min(license.grace.proxyUnreachableSeconds * 1_000, endsInMs - validForMs),
    };
  }

  /** A token for features that the key has. Throws as `authorize` does, and `token_not_allowed` if a token asks. */
  issueToken({ key, features, expiresInSeconds, requestId }: AccessTokenRequest): { token: string; keyId: string } {
    if (isAccessToken(key)) throw new ProblemError('token_not_allowed', { detail: 'Use an API key to get a token.' });
    for (const feature of features) this.authorize({ key, feature, requestId });
    const nowMs = this.standing.timeMs();
    const found = this.keys.find(key, nowMs);
    return { token: this.tokens.issue(found, features, nowMs + expiresInSeconds * 1_000), keyId: found.record.id };
  }

  /** The key of a request. A token on a connection that it opened may have expired since. */
  private holderOf({ key, feature, connected }: AuthorizationRequest, nowMs: number): FoundKey {
    if (!isAccessToken(key)) return this.keys.find(key, nowMs);
    const token = this.tokens.read(key, (id) => this.keys.findById(id, nowMs));
    const found = this.keys.usable(token.record, token.sha256, nowMs);
    const expiresAtMs = connected ? Infinity : token.expiresAtMs;
    if (nowMs >= expiresAtMs) throw new ProblemError('token_expired');
    if (!(token.features as readonly Feature[]).includes(feature)) throw new ProblemError('token_not_allowed');
    return { ...found, untilMs: Math.min(found.untilMs, expiresAtMs) };
  }
}

function lowest(...bounds: (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
