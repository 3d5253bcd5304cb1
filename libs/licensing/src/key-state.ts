import { adminScope, hashesOf, type ApiKeyRecord } from './api-key';

/** What holds for a key at a moment. Times are in milliseconds since 1970. */
export type KeyState =
  | { readonly state: 'active'; /** Infinity where no end is known. */ readonly untilMs: number }
  | { readonly state: 'expired'; readonly sinceMs: number }
  | { readonly state: 'revoked'; readonly sinceMs: number };

/**
 * The state of the key with this hash, which is the record's present key or a previous one. `retiredAtMs` is what the list of
 * retired keys says of the hash. The earliest end counts: no record can extend a key that was retired.
 */
export function keyState(
  record: ApiKeyRecord,
  sha256: string,
  nowMs: number,
  retiredAtMs: number | undefined = Infinity,
): KeyState {
  const replaced = record.sha256 === sha256 ? undefined : record.previous?.find((key) => key.sha256 === sha256);
  const revokedMs = Math.min(timeOf(record.revokedAt), timeOf(replaced?.validUntil), retiredAtMs);
  const expiresMs = timeOf(record.expiresAt);
  if (nowMs >= revokedMs) return { state: 'revoked', sinceMs: revokedMs };
  if (nowMs >= expiresMs) return { state: 'expired', sinceMs: expiresMs };
  return { state: 'active', untilMs: Math.min(revokedMs, expiresMs) };
}

/** A key that is retired, or will be. */
export interface Retirement {
  readonly sha256: string;
  readonly retiredAt: string;
}

/** What a record says about the end of its keys by revocation and rotation; its expiry is not among it. */
export function retirementsOf(record: ApiKeyRecord): Retirement[] {
  const { revokedAt, previous = [] } = record;
  if (revokedAt !== undefined) return hashesOf(record).map((sha256) => ({ sha256, retiredAt: revokedAt }));
  return previous.map(({ sha256, validUntil }) => ({ sha256, retiredAt: validUntil }));
}

/** A date that cannot be read is taken as past: it must not keep a key valid. */
function timeOf(date: string | undefined): number {
  if (date === undefined) return Infinity;
  const timeMs = Date.parse(date);
  return Number.isNaN(timeMs) ? -Infinity : timeMs;
}

/** Whether a key has a scope. A record without scopes has every scope but `admin`. */
export const hasScope = ({ scopes }: ApiKeyRecord, scope: string): boolean =>
  scopes ? scopes.includes(scope) : scope !== adminScope;
