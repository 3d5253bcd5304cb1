import { MemoryKeyValue } from '@app/broker';
import { Log } from '@app/platform';
import { RetiredKeys } from './retired-keys';

const silent = Log.create('license', 'silent');
const sha256 = 'a'.repeat(64);
const [early, late] = ['2026-06-01T00:00:00.000Z', '2026-06-02T00:00:00.000Z'];

const started = async (store: MemoryKeyValue): Promise<RetiredKeys> => {
  const retired = new RetiredKeys(store, silent);
  await retired.start();
  return retired;
};
const kept = async (store: MemoryKeyValue): Promise<unknown> => JSON.parse((await store.get(sha256)) ?? 'null');

it('remembers a retirement, for another process too', async () => {
  const store = new MemoryKeyValue();
  const [one, other] = [await started(store), await started(store)];
  await one.retire('client', { sha256, retiredAt: early });
  for (const each of [one, other, await started(store)]) expect(each.retiredAtMs(sha256)).toBe(Date.parse(early));
});

it.each([
  ['an earlier time replaces a later one', late, early],
  ['a later time changes nothing', early, late],
])('%s', async (_what, first, second) => {
  const store = new MemoryKeyValue();
  await (await started(store)).retire('client', { sha256, retiredAt: first });
  const other = new RetiredKeys(store, silent);
  await other.retire('client', { sha256, retiredAt: second });
  expect(other.retiredAtMs(sha256)).toBe(Date.parse(early));
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early });
});

it('puts back what was deleted or given a later time in the bucket', async () => {
  const store = new MemoryKeyValue();
  const retired = await started(store);
  await retired.retire('client', { sha256, retiredAt: early });
  await store.delete(sha256);
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early });
  await store.put(sha256, JSON.stringify({ keyId: 'client', retiredAt: late }));
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early });
  expect(retired.retiredAtMs(sha256)).toBe(Date.parse(early));
});

it('replaces a damaged entry, and does not learn from it', async () => {
  const store = new MemoryKeyValue();
  await store.put(sha256, 'no JSON');
  const retired = await started(store);
  expect(retired.retiredAtMs(sha256)).toBeUndefined();
  await retired.retire('client', { sha256, retiredAt: early });
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early });
});

it('does not claim a retirement that NATS did not take', async () => {
  const store = new MemoryKeyValue();
  const retired = await started(store);
  store.disconnect();
  await expect(retired.retire('client', { sha256, retiredAt: early })).rejects.toMatchObject({
    code: 'bus_unavailable',
  });
  expect(retired.retiredAtMs(sha256)).toBeUndefined();
});
