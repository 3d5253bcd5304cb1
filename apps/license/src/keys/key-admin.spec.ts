import { MemoryKeyValue } from '@app/broker';
import { hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { KeyAdmin } from './key-admin';
import { KeyDirectory } from './key-directory';
import { RetiredKeys } from './retired-keys';

const silent = Log.create('license', 'silent');
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.parse('2026-06-01T12:00:00Z');
let nowMs: number;

/** A license process on the given buckets. */
interface Replica {
  readonly keys: KeyDirectory;
  readonly admin: KeyAdmin;
  /** The id of the key, or the code of its refusal. */
  answer(key: string): string;
}

async function replica(
  store: MemoryKeyValue,
  retiredStore: MemoryKeyValue,
  seeds: ApiKeyRecord[] = [],
): Promise<Replica> {
  const retired = new RetiredKeys(retiredStore, silent);
  const keys = new KeyDirectory(store, retired, seeds, 60_000, silent);
  await retired.start();
  await keys.start();
  const answer = (key: string): string => {
    try {
      return keys.find(key, nowMs).record.id;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { keys, admin: new KeyAdmin(store, keys, retired, () => nowMs), answer };
}

/** Everything that a bucket holds now. */
const backupOf = async (store: MemoryKeyValue): Promise<[string, string][]> =>
  Promise.all((await store.keys()).map(async (key) => [key, (await store.get(key)) ?? '']));

async function restored(backup: [string, string][]): Promise<MemoryKeyValue> {
  const store = new MemoryKeyValue();
  for (const [key, value] of backup) await store.put(key, value);
  return store;
}

let store: MemoryKeyValue;
let retiredStore: MemoryKeyValue;
let one: Replica;
let other: Replica;

beforeEach(async () => {
  nowMs = startMs;
  [store, retiredStore] = [new MemoryKeyValue(), new MemoryKeyValue()];
  one = await replica(store, retiredStore);
  other = await replica(store, retiredStore);
});

describe('a new key', () => {
  it('is known to all replicas, and only its hash is in the bucket', async () => {
    const { key, ...view } = await one.admin.create({ id: 'client', scopes: ['tts'], maxConcurrent: 3 });
    expect(view).toEqual({
      id: 'client',
      state: 'active',
      scopes: ['tts'],
      maxConcurrent: 3,
      createdAt: '2026-06-01T12:00:00.000Z',
      inSeedFile: false,
    });
    expect([one.answer(key), other.answer(key)]).toEqual(['client', 'client']);
    expect(await store.get('client')).not.toContain(key);
    expect(await store.get('client')).toContain(hashApiKey(key));
  });

  it('cannot take an id that is in use or was used', async () => {
    await one.admin.create({ id: 'client' });
    await expect(other.admin.create({ id: 'client' })).rejects.toMatchObject({ code: 'key_conflict' });
    await one.admin.revoke('client');
    await expect(other.admin.create({ id: 'client' })).rejects.toMatchObject({ code: 'key_conflict' });
  });

  it('cannot have expired already', async () => {
    const expired = one.admin.create({ id: 'client', expiresAt: '2026-06-01T12:00:00Z' });
    await expect(expired).rejects.toMatchObject({ code: 'bad_request', detail: 'expiresAt must be in the future.' });
  });

  it('ends at its expiry', async () => {
    const { key } = await one.admin.create({ id: 'client', expiresAt: '2026-06-02T12:00:00Z' });
    nowMs += dayMs - 1;
    expect(other.answer(key)).toBe('client');
    nowMs += 1;
    expect(other.answer(key)).toBe('key_expired');
    expect(other.admin.list()).toMatchObject([{ id: 'client', state: 'expired' }]);
    await expect(one.admin.rotate('client', 0)).rejects.toMatchObject({ code: 'key_conflict' });
  });
});

describe('a rotation', () => {
  it('gives a key with the same id and limits, and lets the old one live for the overlap', async () => {
    const old = await one.admin.create({ id: 'client', scopes: ['stt'], monthlyAudioSeconds: 60 });
    const fresh = await other.admin.rotate('client', 86_400);
    expect(fresh).toMatchObject({
      id: 'client',
      scopes: ['stt'],
      monthlyAudioSeconds: 60,
      rotatedAt: '2026-06-01T12:00:00.000Z',
      previousValidUntil: '2026-06-02T12:00:00.000Z',
    });
    nowMs += dayMs - 1;
    expect([one.answer(old.key), one.answer(fresh.key)]).toEqual(['client', 'client']);
    nowMs += 1;
    expect([one.answer(old.key), one.answer(fresh.key)]).toEqual(['key_revoked', 'client']);
    expect(one.admin.list()[0]).not.toHaveProperty('previousValidUntil');
  });

  it('without an overlap ends every earlier key at once', async () => {
    const first = await one.admin.create({ id: 'client' });
    const second = await one.admin.rotate('client', 86_400);
    const third = await one.admin.rotate('client', 0);
    expect([first, second, third].map(({ key }) => other.answer(key))).toEqual([
      'key_revoked',
      'key_revoked',
      'client',
    ]);
  });

  it('at the same time on two replicas gives two keys that both work', async () => {
    const old = await one.admin.create({ id: 'client' });
    const [a, b] = await Promise.all([one.admin.rotate('client', 3_600), other.admin.rotate('client', 3_600)]);
    expect([old, a, b].map(({ key }) => one.answer(key))).toEqual(['client', 'client', 'client']);
  });
});

describe('a revocation', () => {
  it('ends the key and its previous ones on all replicas, and stays in the list', async () => {
    const old = await one.admin.create({ id: 'client' });
    const fresh = await one.admin.rotate('client', 86_400);
    nowMs += hourMs;
    const view = await other.admin.revoke('client');
    expect(view).toMatchObject({ id: 'client', state: 'revoked', revokedAt: '2026-06-01T13:00:00.000Z' });
    expect([one.answer(old.key), one.answer(fresh.key)]).toEqual(['key_revoked', 'key_revoked']);
    expect([one.keys.size, one.admin.list()]).toEqual([0, [view]]);
  });

  it('may be repeated, keeps its first time, and rules out a rotation', async () => {
    await one.admin.create({ id: 'client' });
    const first = await one.admin.revoke('client');
    nowMs += hourMs;
    expect(await other.admin.revoke('client')).toEqual(first);
    await expect(one.admin.rotate('client', 0)).rejects.toMatchObject({ code: 'key_conflict' });
  });

  it('at the same time as a rotation leaves no key that works', async () => {
    const old = await one.admin.create({ id: 'client' });
    const [rotated] = await Promise.allSettled([one.admin.rotate('client', 3_600), other.admin.revoke('client')]);
    const fresh = rotated.status === 'fulfilled' ? [rotated.value.key] : [];
    for (const key of [old.key, ...fresh]) expect(one.answer(key)).toBe('key_revoked');
  });

  it('of a key that does not exist is not_found', async () => {
    await expect(one.admin.revoke('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that NATS cannot take fails and changes nothing', async () => {
    const { key } = await one.admin.create({ id: 'client' });
    store.disconnect();
    await expect(one.admin.revoke('client')).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect(one.answer(key)).toBe('client');
  });
});

describe('a revoked key stays revoked', () => {
  const seedKey = makeApiKey();
  const seed: ApiKeyRecord = { id: 'seed', sha256: hashApiKey(seedKey) };

  it('when the bucket of keys is restored from a backup that still has it', async () => {
    const old = await one.admin.create({ id: 'client' });
    const backup = await backupOf(store);
    const fresh = await one.admin.rotate('client', 0);
    await one.admin.revoke('client');

    const later = await replica(await restored(backup), retiredStore);
    expect([old, fresh].map(({ key }) => later.answer(key))).toEqual(['key_revoked', 'key_revoked']);
    expect(later.admin.list()).toMatchObject([{ id: 'client', state: 'revoked' }]);
    await expect(later.admin.rotate('client', 0)).rejects.toMatchObject({ code: 'key_conflict' });
  });

  it('when the bucket of keys is lost and the file of the first keys still lists it', async () => {
    const first = await replica(store, retiredStore, [seed]);
    expect(first.admin.list()).toMatchObject([{ id: 'seed', state: 'active', inSeedFile: true }]);
    await first.admin.revoke('seed');
    expect((await replica(new MemoryKeyValue(), retiredStore, [seed])).answer(seedKey)).toBe('key_revoked');
  });

  it('when both buckets are lost while one replica runs', async () => {
    const first = await replica(store, retiredStore, [seed]);
    await first.admin.revoke('seed');
    for (const bucket of [store, retiredStore]) {
      bucket.loseEverything();
      bucket.reconnect();
    }
    expect([first.answer(seedKey), (await replica(store, retiredStore, [seed])).answer(seedKey)]).toEqual([
      'key_revoked',
      'key_revoked',
    ]);
  });

  it('when everything is lost, if the file of the first keys says that it was revoked', async () => {
    const gone = { ...seed, revokedAt: '2026-05-01' };
    const anew = await replica(new MemoryKeyValue(), new MemoryKeyValue(), [gone]);
    expect(anew.answer(seedKey)).toBe('key_revoked');
    expect(anew.admin.list()).toMatchObject([{ id: 'seed', state: 'revoked', inSeedFile: false }]);
  });

  it('when the file of the first keys revokes a key that the bucket has', async () => {
    await replica(store, retiredStore, [seed]);
    const restarted = await replica(store, retiredStore, [{ ...seed, revokedAt: '2026-05-01' }]);
    expect([restarted.answer(seedKey), one.answer(seedKey)]).toEqual(['key_revoked', 'key_revoked']);
  });

  it('when the clock was a day ahead at the revocation, and behind it on another replica', async () => {
    const { key } = await one.admin.create({ id: 'client' });
    nowMs = startMs + dayMs;
    await one.admin.revoke('client');
    nowMs = startMs;
    expect([one.answer(key), other.answer(key)]).toEqual(['key_revoked', 'key_revoked']);
    expect(other.admin.list()[0]?.state).toBe('revoked');
    const restoredStore = await restored([['client', JSON.stringify({ id: 'client', sha256: hashApiKey(key) })]]);
    expect((await replica(restoredStore, retiredStore)).answer(key)).toBe('key_revoked');
  });

  it('when the replica that revoked it died before it wrote the list of retired keys', async () => {
    const { key } = await one.admin.create({ id: 'client' });
    const backup = await backupOf(store);
    retiredStore.disconnect();
    await expect(one.admin.revoke('client')).rejects.toMatchObject({ code: 'bus_unavailable' });
    retiredStore.reconnect();
    await replica(store, retiredStore);
    expect((await replica(await restored(backup), retiredStore)).answer(key)).toBe('key_revoked');
  });
});
