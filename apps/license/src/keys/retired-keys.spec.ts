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
  await one.retire('client', { sha256, retiredAt: early, revoked: false });
  for (const each of [one, other, await started(store)]) expect(each.endOf(sha256)?.atMs).toBe(Date.parse(early));
});

it.each([
  ['an earlier time replaces a later one', late, early],
  ['a later time changes nothing', early, late],
])('%s', async (_what, first, second) => {
  const store = new MemoryKeyValue();
  await (await started(store)).retire('client', { sha256, retiredAt: first, revoked: false });
  const other = new RetiredKeys(store, silent);
  await other.retire('client', { sha256, retiredAt: second, revoked: false });
  expect(other.endOf(sha256)?.atMs).toBe(Date.parse(early));
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early, revoked: false });
});

it('takes a revocation for earlier than any end of an overlap', async () => {
  const store = new MemoryKeyValue();
  const retired = await started(store);
  await retired.retire('client', { sha256, retiredAt: late, revoked: true });
  await retired.retire('client', { sha256, retiredAt: early, revoked: false });
  expect(retired.endOf(sha256)).toEqual({ atMs: Date.parse(late), revoked: true });
});

it('puts back what was deleted or given a later time in the bucket', async () => {
  const store = new MemoryKeyValue();
  const retired = await started(store);
  await retired.retire('client', { sha256, retiredAt: early, revoked: false });
  await store.delete(sha256);
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early, revoked: false });
  await store.put(sha256, JSON.stringify({ keyId: 'client', retiredAt: late, revoked: false }));
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early, revoked: false });
  expect(retired.endOf(sha256)?.atMs).toBe(Date.parse(early));
});

it('replaces a damaged entry, and does not learn from it', async () => {
  const store = new MemoryKeyValue();
  await store.put(sha256, 'no JSON');
  const retired = await started(store);
  expect(retired.endOf(sha256)).toBeUndefined();
  await retired.retire('client', { sha256, retiredAt: early, revoked: false });
  expect(await kept(store)).toEqual({ keyId: 'client', retiredAt: early, revoked: false });
});

it('does not claim a retirement that NATS did not take', async () => {
  const store = new MemoryKeyValue();
  const retired = await started(store);
  store.disconnect();
  await expect(retired.retire('client', { sha256, retiredAt: early, revoked: false })).rejects.toMatchObject({
    code: 'bus_unavailable',
  });
  expect(retired.endOf(sha256)).toBeUndefined();
});
