import { adminScope, hashesOf, type ApiKeyRecord } from './api-key';

/** What holds for a key at a moment. Times are in milliseconds since 1970. */
export type KeyState =
  | { readonly state: 'active'; /** Infinity where no end is known. */ readonly untilMs: number }
  | { readonly state: 'expired'; readonly sinceMs: number }
  | { readonly state: 'revoked'; readonly sinceMs: number };

/** The end of a key by revocation or rotation. A revoked key has ended whatever the clock says, a replaced one at `atMs`. */
export interface KeyEnd {
  readonly atMs: number;
  readonly revoked: boolean;
}

/**
 * The state of the key with this hash, which is the record's present key or a previous one. `retired` is what the list of
 * retired keys says of the hash. The earliest end counts: no record can extend a key that was retired.
 */
export function keyState(record: ApiKeyRecord, sha256: string, nowMs: number, retired?: KeyEnd): KeyState {
  const ends = retired ? [retired] : [];
  if (record.revokedAt !== undefined) ends.push({ atMs: timeOf(record.revokedAt), revoked: true });
  const replaced = record.sha256 === sha256 ? undefined : record.previous?.find((key) => key.sha256 === sha256);
  if (replaced) ends.push({ atMs: timeOf(replaced.validUntil), revoked: false });
  const over = ends.filter((end) => hasEnded(end, nowMs));
  if (over.length > 0) return { state: 'revoked', sinceMs: Math.min(...over.map(({ atMs }) => atMs)) };
  const expiresMs = timeOf(record.expiresAt);
  if (nowMs >= expiresMs) return { state: 'expired', sinceMs: expiresMs };
  return { state: 'active', untilMs: Math.min(expiresMs, ...ends.map(({ atMs }) => atMs)) };
}

/** Whether a key has ended at a moment. */
export const hasEnded = ({ atMs, revoked }: KeyEnd, nowMs: number): boolean => revoked || nowMs >= atMs;

/** A key that was revoked, or that a rotation replaced. */
export interface Retirement {
  readonly sha256: string;
  readonly retiredAt: string;
  readonly revoked: boolean;
}

/** What a record says about the end of its keys by revocation and rotation; its expiry is not among it. */
export function retirementsOf(record: ApiKeyRecord): Retirement[] {
  const { revokedAt, previous = [] } = record;
  if (revokedAt !== undefined)
    return hashesOf(record).map((sha256) => ({ sha256, retiredAt: revokedAt, revoked: true }));
  return previous.map(({ sha256, validUntil }) => ({ sha256, retiredAt: validUntil, revoked: false }));
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
