import { MemoryKeyValue } from '@app/broker';
import { hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { KeyDirectory } from './key-directory';
import { RetiredKeys } from './retired-keys';

const silent = Log.create('license', 'silent');
const key = makeApiKey();
const record: ApiKeyRecord = { id: 'first', sha256: hashApiKey(key) };

const directory = (store: MemoryKeyValue, seeds: ApiKeyRecord[] = []) =>
  new KeyDirectory(store, new RetiredKeys(new MemoryKeyValue(), silent), seeds, 60_000, silent);
const started = async (store: MemoryKeyValue, seeds: ApiKeyRecord[] = []): Promise<KeyDirectory> => {
  const keys = directory(store, seeds);
  await keys.start();
  return keys;
};
const unavailable = expect.objectContaining({ code: 'license_unavailable' }) as Error;
const unknown = expect.objectContaining({ code: 'key_unknown' }) as Error;

it('cannot tell before the keys were read, and says so', () => {
  expect(() => directory(new MemoryKeyValue()).find(key, Date.now())).toThrow(unavailable);
});

it('finds a key of the bucket by its hash', async () => {
  const store = new MemoryKeyValue();
  await store.put('first', JSON.stringify({ ...record, maxConcurrent: 3 }));
  const keys = await started(store);
  expect(keys.find(key, Date.now()).record).toMatchObject({ id: 'first', maxConcurrent: 3 });
  expect(() => keys.find(makeApiKey(), Date.now())).toThrow(unknown);
});

it('puts the first keys into an empty bucket before it is ready', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store, [record]);
  expect(keys.find(key, Date.now()).record.id).toBe('first');
  expect(JSON.parse((await store.get('first')) ?? '')).toEqual(record);
});

it('follows the bucket: keys that are added, changed and revoked', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store);
  await store.put('first', JSON.stringify(record));
  expect(keys.find(key, Date.now()).record.id).toBe('first');

  const changed = makeApiKey();
  await store.put('first', JSON.stringify({ id: 'first', sha256: hashApiKey(changed) }));
  expect(() => keys.find(key, Date.now())).toThrow(unknown);
  expect(keys.find(changed, Date.now()).record.id).toBe('first');

  await store.delete('first');
  expect(() => keys.find(changed, Date.now())).toThrow(unknown);
  expect(keys.size).toBe(0);
});

it('lets a revoked key stay revoked, although the file still has it', async () => {
  const store = new MemoryKeyValue();
  await started(store, [record]);
  await store.delete('first');
  const keys = await started(store, [record]);
  expect(() => keys.find(key, Date.now())).toThrow(unknown);
});

it('answers from memory while the bus is away, and catches up afterwards', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store, [record]);
  store.disconnect();
  expect(keys.find(key, Date.now()).record.id).toBe('first');
  store.reconnect();
  expect(keys.find(key, Date.now()).record.id).toBe('first');
  await store.delete('first');
  expect(() => keys.find(key, Date.now())).toThrow(unknown);
});

it('cannot tell once NATS was away for the revocation delay, since a revocation would not have arrived', async () => {
  const [store, nowMs] = [new MemoryKeyValue(), 1_000_000];
  const keys = await started(store, [record]);
  expect(keys.find(key, nowMs).freshUntilMs).toBe(Infinity);
  store.disconnect();
  expect(keys.find(key, nowMs).freshUntilMs).toBe(nowMs + 60_000);
  expect(keys.find(key, nowMs + 59_999).freshUntilMs).toBe(nowMs + 60_000);
  expect(() => keys.find(key, nowMs + 60_000)).toThrow(unavailable);
  store.reconnect();
  expect(keys.find(key, nowMs + 60_000).freshUntilMs).toBe(Infinity);
});

it('counts from the moment at which NATS was found to be away, although nobody asked for a key', async () => {
  const [store, nowMs] = [new MemoryKeyValue(), 1_000_000];
  const keys = await started(store, [record]);
  store.disconnect();
  keys.freshUntilMs(nowMs);
  expect(() => keys.find(key, nowMs + 60_000)).toThrow(unavailable);
});

it.each(['no JSON', '{}', JSON.stringify({ id: 'other', sha256: record.sha256 })])(
  'ignores a damaged record (%s) and keeps the others',
  async (damaged) => {
    const store = new MemoryKeyValue();
    await store.put('damaged', damaged);
    const keys = await started(store, [record]);
    expect([keys.size, keys.find(key, Date.now()).record.id]).toEqual([1, 'first']);
  },
);

it('says which record is damaged and quotes nothing of it: it may be a key', async () => {
  const store = new MemoryKeyValue();
  await store.put('damaged', key);
  const lines: string[] = [];
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  await new KeyDirectory(store, new RetiredKeys(new MemoryKeyValue(), log), [], 60_000, log).start();
  expect(lines.join('')).toContain('"keyId":"damaged"');
  expect(lines.join('')).not.toContain(key.slice(0, 8));
});

describe('a key that is renamed', () => {
  const renamed = { ...record, id: 'second' };

  it('stays valid when its new id is put before the old one is deleted', async () => {
    const store = new MemoryKeyValue();
    const keys = await started(store, [record]);
    await store.put('second', JSON.stringify(renamed));
    await store.delete('first');
    expect(keys.find(key, Date.now()).record.id).toBe('second');
    expect(keys.size).toBe(1);
  });

  it('is valid again once its new id is put after the old one was deleted', async () => {
    const store = new MemoryKeyValue();
    const keys = await started(store, [record]);
    await store.delete('first');
    await store.put('second', JSON.stringify(renamed));
    expect(keys.find(key, Date.now()).record.id).toBe('second');
  });

  it('is unknown once both ids are deleted', async () => {
    const store = new MemoryKeyValue();
    const keys = await started(store, [record]);
    await store.put('second', JSON.stringify(renamed));
    await store.delete('first');
    await store.delete('second');
    expect(() => keys.find(key, Date.now())).toThrow(unknown);
    expect(keys.size).toBe(0);
  });
});

describe('any sequence of puts and deletes', () => {
  const ids = ['a', 'b', 'c'];
  const apiKeys = [makeApiKey(), makeApiKey()];
  /** A change of the bucket; a key of undefined is a delete. */
  const changes = ids.flatMap((id) => [...apiKeys, undefined].map((apiKey) => ({ id, apiKey })));

  const sequences = (length: number): (typeof changes)[] =>
    length === 0 ? [[]] : sequences(length - 1).flatMap((rest) => changes.map((change) => [...rest, change]));

  it.each([1, 2, 3, 4])('of length %i leaves the keys of the bucket, for a restarted app too', async (length) => {
    for (const sequence of sequences(length)) {
      const store = new MemoryKeyValue();
      const keys = await started(store);
      const bucket = new Map<string, string | undefined>();
      for (const { id, apiKey } of sequence) {
        bucket.set(id, apiKey);
        if (apiKey === undefined) await store.delete(id);
        else await store.put(id, JSON.stringify({ id, sha256: hashApiKey(apiKey) }));
      }
      const wanted = apiKeys.map((apiKey) => ids.find((id) => bucket.get(id) === apiKey));
      for (const each of [keys, await started(store)]) {
        expect(apiKeys.map((apiKey) => idIn(each, apiKey))).toEqual(wanted);
        expect(each.size).toBe(wanted.filter(Boolean).length);
      }
    }
  });

  function idIn(keys: KeyDirectory, apiKey: string): string | undefined {
    try {
      return keys.find(apiKey, Date.now()).record.id;
    } catch {
      return undefined;
    }
  }
});
