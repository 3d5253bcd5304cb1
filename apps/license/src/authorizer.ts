import { assertLicensed, hasScope, serviceEndMs, timeUsedMs, type ServiceFacts } from '@app/licensing';
import {
  isAccessToken,
  ProblemError,
  type AccessTokenRequest,
  type AuthorizationGranted,
  type AuthorizationRequest,
  type Feature,
} from '@app/protocol';
import type { AccessTokens } from './access-tokens';
import type { FoundKey, KeyDirectory } from './keys/key-directory';
import type { Quotas } from './quota/quotas';
import type { ServiceStanding } from './service-standing';

/** What a decision is made from. */
export interface AuthorizerParts {
  readonly keys: KeyDirectory;
  readonly tokens: AccessTokens;
  readonly standing: ServiceStanding;
  /** How long a gateway may use a grant while it cannot reach this app. */
  readonly revocationDelayMs: number;
  readonly quotas: Quotas;
  /** Throws `audit_log_full` while the logs have no room for the records of a request. */
  readonly assertRoom: () => void;
}

/**
 * Decides whether a request may run: finds the key, directly or by an access token, and checks the licence, the feature, the
 * model, the scopes of the key and the monthly limits. Uses memory only.
 */
export class Authorizer {
  constructor(private readonly parts: AuthorizerParts) {}

  /**
   * Grants, or throws the refusal of the key, of the licence, of the scopes of the key or of a limit. For an access token also
   * `token_expired` and `token_not_allowed`. `audit_log_full` where the logs have no room for the records of the request.
   */
  authorize(request: AuthorizationRequest): AuthorizationGranted {
    return this.grant(request, this.parts.standing.facts());
  }

  /** A token for features that the key has. Throws as `authorize` does, and `token_not_allowed` if a token asks. */
  issueToken({ key, features, expiresInSeconds, requestId }: AccessTokenRequest): { token: string; keyId: string } {
    if (isAccessToken(key)) throw new ProblemError('token_not_allowed', { detail: 'Use an API key to get a token.' });
    const facts = this.parts.standing.facts();
    for (const feature of features) this.grant({ key, feature, requestId }, facts);
    const nowMs = timeUsedMs(facts);
    const found = this.parts.keys.find(key, nowMs);
    return {
      token: this.parts.tokens.issue(found, features, nowMs + expiresInSeconds * 1_000),
      keyId: found.record.id,
    };
  }

  private grant(request: AuthorizationRequest, facts: ServiceFacts): AuthorizationGranted {
    const { feature, model } = request;
    const nowMs = timeUsedMs(facts);
    const { record, untilMs, freshUntilMs } = this.holderOf(request, nowMs);
    const license = assertLicensed(facts, { feature, model });
    if (!hasScope(record, feature)) {
      throw new ProblemError('scope_missing', { detail: `Use an API key that has the scope ${feature}.` });
    }
    this.parts.quotas.assertLeft(feature, record, license, nowMs);
    this.parts.assertRoom();
    const maxConcurrent = lowest(record.maxConcurrent, license.limits.maxConcurrent);
    // The end of the licence, of the key and of the token is known: no answer outlives it.
    const endsInMs = Math.floor(Math.min(serviceEndMs(facts), untilMs) - nowMs);
    const validForMs = Math.min(this.parts.revocationDelayMs, Math.floor(freshUntilMs - nowMs), endsInMs);
    return {
      keyId: record.id,
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
      ...(license.models ? { models: license.models } : {}),
      validForMs,
      graceMs: Math.min(license.grace.proxyUnreachableSeconds * 1_000, endsInMs - validForMs),
    };
  }

  /** The key of a request. A token on a connection that it opened may have expired since. */
  private holderOf({ key, feature, connected }: AuthorizationRequest, nowMs: number): FoundKey {
    if (!isAccessToken(key)) return this.parts.keys.find(key, nowMs);
    const token = this.parts.tokens.read(key, (id) => this.parts.keys.findById(id, nowMs));
    const found = this.parts.keys.usable(token.record, token.sha256, nowMs);
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
