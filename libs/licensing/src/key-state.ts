import { adminScope, type ApiKeyRecord } from './api-key';

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

const timeOf = (date: string | undefined): number => (date === undefined ? Infinity : Date.parse(date));

/** Whether a key has a scope. A record without scopes has every scope but `admin`. */
export const hasScope = ({ scopes }: ApiKeyRecord, scope: string): boolean =>
  scopes ? scopes.includes(scope) : scope !== adminScope;
