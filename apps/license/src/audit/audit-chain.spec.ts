import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { MemoryAppendLog, MemoryLogStore } from '@app/broker';
import { readAuditRecord, verifyAudit } from '@app/licensing';
import { AuditChain, checkpointDelayMs, checkpointRecords } from './audit-chain';
import { ChainFollower } from './chain-follower';

const { privateKey } = generateKeyPairSync('ed25519');
let store: MemoryLogStore;
let log: MemoryAppendLog;
let nowMs: number;

const chainOf = (instance: string): AuditChain => {
  const clock = (): number => nowMs;
  return new AuditChain(log, new ChainFollower(log, instance, clock), { privateKey }, clock);
};
const append = (chain: AuditChain, facts: object = {}): Promise<boolean> =>
  chain.append(() => ({ at: new Date(nowMs).toISOString(), type: 'test', facts: { ...facts } }));
const types = (): string[] => store.records.map(({ payload }) => readAuditRecord(payload)?.type ?? 'damaged');

beforeEach(() => {
  nowMs = Date.now();
  store = new MemoryLogStore();
  log = new MemoryAppendLog(store);
});

it('signs the log after a hundred records of all processes', async () => {
  const [one, two] = [chainOf('a'), chainOf('b')];
  for (let index = 1; index < checkpointRecords; index++) await append(index % 2 ? one : two);
  expect(types()).not.toContain('checkpoint');
  await append(one);
  expect(types().slice(-2)).toEqual(['test', 'checkpoint']);
});

it('signs the log a minute after a record that no checkpoint covers, and not before', async () => {
  const chain = chainOf('a');
  await append(chain);
  await chain.catchUp();
  nowMs += checkpointDelayMs - 1_000;
  await chain.checkpointIfDue();
  expect(types()).toEqual(['test']);
  nowMs += 1_000;
  await chain.checkpointIfDue();
  expect(types()).toEqual(['test', 'checkpoint']);
  nowMs += 10 * checkpointDelayMs;
  await chain.catchUp();
  await chain.checkpointIfDue();
  expect(types()).toEqual(['test', 'checkpoint']);
});

it('signs once where two processes want to, and says where the log ends then', async () => {
  const [one, two] = [chainOf('a'), chainOf('b')];
  await append(one);
  expect([await one.checkpoint(), await two.checkpoint()]).toEqual([2, 2]);
  const lines = store.records.map(({ payload }) => payload);
  expect((await verifyAudit(lines, [createPublicKey(privateKey)])).findings).toEqual([]);
});

it('knows how far usage was moved from the records alone, also from one in the middle', async () => {
  const chain = chainOf('a');
  await append(chain, { usageTo: 5 });
  await append(chain);
  await append(chain, { usageTo: 9 });
  await append(chain);
  await chain.catchUp();
  expect([chain.follower.usageTo, chain.follower.positionAt]).toEqual([9, 3]);
  for (const hint of [1, 2, 3, 4, 77]) {
    const later = new ChainFollower(log, 'b');
    await later.startAt(hint);
    await later.follow(await log.last());
    expect(later.usageTo).toBe(9);
  }
});

it('reads the log again where it became another one', async () => {
  const chain = chainOf('a');
  for (const usageTo of [5, 7, 9]) await append(chain, { usageTo });
  await chain.catchUp();
  const kept = store.records[0];
  store.records = kept ? [kept] : [];
  store.lastSequence = 1;
  await chain.catchUp();
  expect(chain.follower.usageTo).toBe(5);
  // Restored, and longer than before by what another process wrote.
  await append(chainOf('b'), { usageTo: 6 });
  await append(chainOf('b'), {});
  await append(chainOf('b'), {});
  await chain.catchUp();
  expect(chain.follower.usageTo).toBe(6);
});

it('says that the log is full until everything that was refused is stored', async () => {
  store = new MemoryLogStore(500);
  log = new MemoryAppendLog(store);
  const chain = chainOf('a');
  await append(chain);
  await expect(append(chain, { much: 'x'.repeat(500) })).rejects.toMatchObject({ code: 'disk_full' });
  expect(chain.isFull).toBe(true);
  await append(chain);
  expect(chain.isFull).toBe(true);
  chain.settle();
  expect(chain.isFull).toBe(false);
});
