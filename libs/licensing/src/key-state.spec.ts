import { hasScope, keyState } from './key-state';

const [present, earlier] = ['a'.repeat(64), 'b'.repeat(64)];
const at = (hour: number): number => Date.parse(`2026-06-01T${String(hour).padStart(2, '0')}:00:00Z`);
const iso = (hour: number): string => new Date(at(hour)).toISOString();
const record = { id: 'client', sha256: present };

describe('the state of a key', () => {
  it('is active without an end where nothing ends it', () => {
    expect(keyState(record, present, at(1))).toEqual({ state: 'active', untilMs: Infinity });
  });

  it('is expired from the moment of the expiry on, and not a millisecond before', () => {
    const expiring = { ...record, expiresAt: iso(5) };
    expect(keyState(expiring, present, at(5) - 1)).toEqual({ state: 'active', untilMs: at(5) });
    expect(keyState(expiring, present, at(5))).toEqual({ state: 'expired', sinceMs: at(5) });
  });

  it('is revoked from the revocation on, also for previous keys that are in their overlap', () => {
    const revoked = { ...record, revokedAt: iso(3), previous: [{ sha256: earlier, validUntil: iso(9) }] };
    expect(keyState(revoked, present, at(3))).toEqual({ state: 'revoked', sinceMs: at(3) });
    expect(keyState(revoked, earlier, at(3))).toEqual({ state: 'revoked', sinceMs: at(3) });
  });

  it('is revoked after a revocation whatever the clock says: it may have been wrong at the revocation', () => {
    expect(keyState({ ...record, revokedAt: iso(3) }, present, at(1))).toEqual({ state: 'revoked', sinceMs: at(3) });
    const inList = { atMs: at(3), revoked: true };
    expect(keyState(record, present, at(1), inList)).toEqual({ state: 'revoked', sinceMs: at(3) });
  });

  it('is active for a previous key until the end of its overlap, and for the present key after it', () => {
    const rotated = { ...record, previous: [{ sha256: earlier, validUntil: iso(4) }] };
    expect(keyState(rotated, earlier, at(4) - 1)).toEqual({ state: 'active', untilMs: at(4) });
    expect(keyState(rotated, earlier, at(4))).toEqual({ state: 'revoked', sinceMs: at(4) });
    expect(keyState(rotated, present, at(4))).toEqual({ state: 'active', untilMs: Infinity });
  });

  it('is revoked where the list of retired keys says so, whatever the record says', () => {
    const replaced = { atMs: at(2), revoked: false };
    expect(keyState(record, present, at(2), replaced)).toEqual({ state: 'revoked', sinceMs: at(2) });
    expect(keyState(record, present, at(1), replaced)).toEqual({ state: 'active', untilMs: at(2) });
  });
});

describe('scopes', () => {
  it('are all but admin where the record names none', () => {
    expect(['tts', 'stt', 'catalogue', 'admin'].map((scope) => hasScope(record, scope))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('are those that the record names', () => {
    const limited = { ...record, scopes: ['stt', 'admin'] };
    expect(['tts', 'stt', 'admin'].map((scope) => hasScope(limited, scope))).toEqual([false, true, true]);
  });
});
