import { MemoryKeyValue } from '@app/broker';
import { hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { KeyDirectory } from './key-directory';

const silent = Log.create('license', 'silent');
const key = makeApiKey();
const record: ApiKeyRecord = { id: 'first', sha256: hashApiKey(key) };

const directory = (store: MemoryKeyValue, seeds: ApiKeyRecord[] = []) => new KeyDirectory(store, seeds, silent);
const started = async (store: MemoryKeyValue, seeds: ApiKeyRecord[] = []): Promise<KeyDirectory> => {
  const keys = directory(store, seeds);
  await keys.start();
  return keys;
};
const unknown = expect.objectContaining({ code: 'key_unknown' }) as Error;

it('cannot tell before the keys were read, and says so', () => {
  expect(() => directory(new MemoryKeyValue()).find(key)).toThrow(
    expect.objectContaining({ code: 'license_unavailable' }) as Error,
  );
});

it('finds a key of the bucket by its hash', async () => {
  const store = new MemoryKeyValue();
  await store.put('first', JSON.stringify({ ...record, maxConcurrent: 3 }));
  const keys = await started(store);
  expect(keys.find(key)).toMatchObject({ id: 'first', maxConcurrent: 3 });
  expect(() => keys.find(makeApiKey())).toThrow(unknown);
});

it('puts the first keys into an empty bucket before it is ready', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store, [record]);
  expect(keys.find(key).id).toBe('first');
  expect(JSON.parse((await store.get('first')) ?? '')).toEqual(record);
});

it('follows the bucket: keys that are added, changed and revoked', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store);
  await store.put('first', JSON.stringify(record));
  expect(keys.find(key).id).toBe('first');

  const changed = makeApiKey();
  await store.put('first', JSON.stringify({ id: 'first', sha256: hashApiKey(changed) }));
  expect(() => keys.find(key)).toThrow(unknown);
  expect(keys.find(changed).id).toBe('first');

  await store.delete('first');
  expect(() => keys.find(changed)).toThrow(unknown);
  expect(keys.size).toBe(0);
});

it('lets a revoked key stay revoked, although the file still has it', async () => {
  const store = new MemoryKeyValue();
  await started(store, [record]);
  await store.delete('first');
  const keys = await started(store, [record]);
  expect(() => keys.find(key)).toThrow(unknown);
});

it('answers from memory while the bus is away, and catches up afterwards', async () => {
  const store = new MemoryKeyValue();
  const keys = await started(store, [record]);
  store.disconnect();
  expect(keys.find(key).id).toBe('first');
  store.reconnect();
  expect(keys.find(key).id).toBe('first');
  await store.delete('first');
  expect(() => keys.find(key)).toThrow(unknown);
});

it.each(['no JSON', '{}', JSON.stringify({ id: 'other', sha256: record.sha256 })])(
  'ignores a damaged record (%s) and keeps the others',
  async (damaged) => {
    const store = new MemoryKeyValue();
    await store.put('damaged', damaged);
    const keys = await started(store, [record]);
    expect([keys.size, keys.find(key).id]).toEqual([1, 'first']);
  },
);

it('says which record is damaged and quotes nothing of it: it may be a key', async () => {
  const store = new MemoryKeyValue();
  await store.put('damaged', key);
  const lines: string[] = [];
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  await new KeyDirectory(store, [], log).start();
  expect(lines.join('')).toContain('"keyId":"damaged"');
  expect(lines.join('')).not.toContain(key.slice(0, 8));
});
