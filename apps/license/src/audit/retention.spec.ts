import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { MemoryAppendLog, MemoryLogStore } from '@app/broker';
import { dayMs, readAuditRecord, verifyAudit } from '@app/licensing';
import { Log } from '@app/platform';
import { usageBytes } from '@app/protocol';
import { AuditChain } from './audit-chain';
import { ChainFollower } from './chain-follower';
import { Retention } from './retention';
import { UsageCollector } from './usage-collector';

const { privateKey } = generateKeyPairSync('ed25519');
const log = Log.create('license', 'error', { write: () => undefined });
const days = { audit: 400, usage: 100 };
const stepDays = 5;

let stores: { audit: MemoryLogStore; usage: MemoryLogStore };
let logs: { audit: MemoryAppendLog; usage: MemoryAppendLog };
let chain: AuditChain;
let collector: UsageCollector;
let written: number;

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-11-29T00:00:00Z'), doNotFake: ['setImmediate', 'nextTick'] });
  stores = { audit: new MemoryLogStore(), usage: new MemoryLogStore() };
  logs = { audit: new MemoryAppendLog(stores.audit), usage: new MemoryAppendLog(stores.usage) };
  chain = new AuditChain(logs.audit, new ChainFollower(logs.audit, 'me'), { privateKey });
  collector = new UsageCollector(logs.usage, chain, log);
  written = 0;
});
afterEach(() => jest.useRealTimers());

const use = (): Promise<unknown> => {
  const id = `job-${++written}`;
  const at = new Date().toISOString();
  const work = { kind: 'tts', model: 'piper', characters: 1, audioSamples: 1, sampleRateHz: 8_000 };
  return logs.usage.append(usageBytes({ id, at, requestId: 'r', keyId: 'alice', outcome: 'done', ...work }), id);
};
const happen = (): Promise<boolean> => chain.append(() => ({ at: new Date().toISOString(), type: 'test' }));
const oldestDays = (store: MemoryLogStore): number => (Date.now() - (store.records[0]?.storedAtMs ?? 0)) / dayMs;
const verified = () =>
  verifyAudit(
    stores.audit.records.map(({ payload }) => payload),
    [createPublicKey(privateKey)],
  );

it('keeps each log for its time over years, and the log that is left verifies at any time', async () => {
  const retention = new Retention({ logs, chain, days, log });
  for (let day = 0; day < 3 * 365; day += stepDays) {
    await use();
    await collector.collect();
    await retention.run();
    jest.setSystemTime(Date.now() + stepDays * dayMs);
    if (day % 50 !== 0) continue;
    await chain.checkpoint();
    expect((await verified()).findings).toEqual([]);
    expect(oldestDays(stores.audit)).toBeLessThanOrEqual(days.audit + stepDays);
    expect(oldestDays(stores.usage)).toBeLessThanOrEqual(days.usage + stepDays);
  }
  expect(oldestDays(stores.audit)).toBeGreaterThanOrEqual(days.audit);
  expect(oldestDays(stores.usage)).toBeGreaterThanOrEqual(days.usage);
  const { usage } = await verified();
  expect(usage.records).toBeGreaterThanOrEqual(days.audit / stepDays);
  const dropped = stores.audit.records.flatMap(({ payload }) => readAuditRecord(payload) ?? []);
  expect(dropped.filter(({ type }) => type === 'records_dropped').at(-1)).toMatchObject({
    log: 'audit',
    to: (dropped[0]?.seq ?? 0) - 1,
  });
});

it('keeps usage records that the audit log does not have, however old they are', async () => {
  await use();
  await use();
  jest.setSystemTime(Date.now() + 1_000 * dayMs);
  await use();
  await new Retention({ logs, chain, days, log }).run();
  expect(stores.usage.records).toHaveLength(3);
  await collector.collect();
  await new Retention({ logs, chain, days, log }).run();
  expect(stores.usage.records.map(({ sequence }) => sequence)).toEqual([3]);
});

it('keeps audit records that the vendor did not acknowledge', async () => {
  const vendor: { acknowledged?: number } = {};
  const retention = new Retention({ logs, chain, days, log, acknowledged: () => Promise.resolve(vendor.acknowledged) });
  for (let index = 0; index < 3; index++) await happen();
  jest.setSystemTime(Date.now() + 500 * dayMs);
  await happen();
  await retention.run();
  expect(stores.audit.records).toHaveLength(4);
  vendor.acknowledged = 2;
  await retention.run();
  expect(stores.audit.records[0]?.sequence).toBe(3);
});

it('knows how far usage was moved after the last usage was dropped', async () => {
  await use();
  await collector.collect();
  jest.setSystemTime(Date.now() + 401 * dayMs);
  await happen();
  await new Retention({ logs, chain, days, log }).run();
  expect(stores.audit.records[0]?.sequence).toBe(2);
  const restarted = new AuditChain(logs.audit, new ChainFollower(logs.audit, 'other'), { privateKey });
  await restarted.catchUp();
  expect(restarted.follower.usageTo).toBe(1);
  await new UsageCollector(logs.usage, restarted, log).collect();
  expect((await verified()).usage.records).toBe(0);
});

it('goes on where a process was killed between saying what is dropped and dropping it', async () => {
  for (let index = 0; index < 3; index++) await happen();
  jest.setSystemTime(Date.now() + 401 * dayMs);
  await happen();
  const killed = jest.spyOn(logs.audit, 'dropBefore').mockRejectedValueOnce(new Error('killed'));
  await expect(new Retention({ logs, chain, days, log }).run()).rejects.toThrow('killed');
  killed.mockRestore();
  await new Retention({ logs, chain, days, log }).run();
  expect((await verified()).findings).toEqual([]);
  expect(stores.audit.records[0]?.sequence).toBe(4);
});

it('drops nothing by a clock that is ahead of the one that stored the records', async () => {
  await use();
  await use();
  await collector.collect();
  await happen();
  const ahead = (): number => Date.now() + 3_000 * dayMs;
  await new Retention({ logs, chain, days, log, nowMs: ahead }).run();
  expect([stores.usage.records.length, stores.audit.records.length]).toEqual([2, 2]);
});
