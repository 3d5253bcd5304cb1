import { generateKeyPairSync } from 'node:crypto';
import { MemoryAppendLog, MemoryLogStore } from '@app/broker';
import { readAuditRecord, usageOf, type AuditRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { usageBytes } from '@app/protocol';
import { AuditChain } from './audit-chain';
import { ChainFollower } from './chain-follower';
import { batchBytes, batchRecords, UsageCollector } from './usage-collector';

const { privateKey } = generateKeyPairSync('ed25519');
let lines: string[];
let audit: MemoryLogStore;
let usage: MemoryAppendLog;
let nowMs: number;

const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
const chainOf = (instance: string): AuditChain => {
  const logOfChain = new MemoryAppendLog(audit);
  return new AuditChain(logOfChain, new ChainFollower(logOfChain, instance), { privateKey });
};
const collectorOf = (instance: string): UsageCollector =>
  new UsageCollector(usage, chainOf(instance), log, () => nowMs);
const moved = (): AuditRecord[] =>
  audit.records.flatMap(({ payload }) => readAuditRecord(payload) ?? []).filter(({ type }) => type.startsWith('usage'));
const idsOf = (record: AuditRecord): string[] => (usageOf(record) as { id: string }[]).map(({ id }) => id);

async function use(from: number, to: number, requestId = 'r'): Promise<void> {
  const work = { keyId: 'alice', kind: 'tts', model: 'piper', characters: 1, audioSamples: 1, sampleRateHz: 8_000 };
  for (let index = from; index <= to; index++) {
    const at = '2026-11-29T09:30:00.000Z';
    await usage.append(usageBytes({ id: `u${index}`, at, requestId, outcome: 'done', ...work }), `u${index}`);
  }
}

beforeEach(() => {
  lines = [];
  nowMs = 0;
  audit = new MemoryLogStore();
  usage = new MemoryAppendLog(new MemoryLogStore());
});

it('moves all there is, in order, in records of bounded size', async () => {
  await use(1, batchRecords + 1);
  await collectorOf('a').collect();
  expect(moved().map((record) => [idsOf(record).length, record.usageTo])).toEqual([
    [batchRecords, batchRecords],
    [1, batchRecords + 1],
  ]);
  const largest = Math.max(...audit.records.map(({ payload }) => payload.byteLength));
  expect(largest).toBeLessThan(batchBytes + 1_000);
});

it('stores nothing twice in whatever order processes look, start and die', async () => {
  const [one, two] = [collectorOf('a'), collectorOf('b')];
  await use(1, 10);
  await Promise.all([one.collect(), two.collect()]);
  await use(11, 20);
  await two.collect();
  await use(21, 25);
  await Promise.all([one.collect(), collectorOf('c').collect(), two.collect()]);
  expect(moved().flatMap(idsOf)).toEqual(Array.from({ length: 25 }, (_, index) => `u${index + 1}`));
});

it('states what is no usage record, and goes on', async () => {
  await use(1, 1);
  await usage.append(Buffer.from('{"text":"Hello."}'), 'foreign');
  await use(2, 2);
  await collectorOf('a').collect();
  expect(moved()).toMatchObject([{ usageTo: 3, unreadable: [2] }]);
  expect(moved().flatMap(idsOf)).toEqual(['u1', 'u2']);
  expect(lines.join('')).toContain('usage records cannot be read');
  expect(JSON.stringify(moved())).not.toContain('Hello');
});

it('states which usage records somebody removed before they were moved', async () => {
  await use(1, 5);
  await usage.dropBefore(4);
  await collectorOf('a').collect();
  expect(moved()).toMatchObject([{ usageTo: 5, missing: [1, 3] }]);
});

it('begins again with a usage stream that was lost, once that has lasted a minute', async () => {
  await use(1, 5);
  const collector = collectorOf('a');
  await collector.collect();
  usage = new MemoryAppendLog(new MemoryLogStore());
  const after = collectorOf('b');
  await use(6, 7);
  await after.collect();
  nowMs = 59_999;
  await after.collect();
  expect(moved()).toHaveLength(1);
  nowMs = 60_000;
  await after.collect();
  await after.collect();
  expect(moved()).toMatchObject([{ usageTo: 5 }, { type: 'usage_restarted', expected: 5, usageTo: 0 }, { usageTo: 2 }]);
  expect(moved().at(-1)).toBeDefined();
  expect(idsOf(moved().at(-1) as AuditRecord)).toEqual(['u6', 'u7']);
});

it('begins again with a usage stream that was lost, or lost its end, and has grown as long as before', async () => {
  await use(1, 5);
  await collectorOf('a').collect();
  usage = new MemoryAppendLog(new MemoryLogStore());
  await use(1, 3);
  await use(6, 9);
  const after = collectorOf('b');
  await after.collect();
  await after.collect();
  expect(moved()).toMatchObject([{ usageTo: 5 }, { type: 'usage_restarted', expected: 5 }, { usageTo: 7 }]);
  expect([...new Set(moved().slice(0, 1).concat(moved().slice(2)).flatMap(idsOf))]).toEqual(
    Array.from({ length: 9 }, (_, index) => `u${index + 1}`),
  );
});
