import { generateKeyPairSync } from 'node:crypto';
import { MemoryAppendLog, MemoryLogStore } from '@app/broker';
import { readAuditRecord, type AuditRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { AuditChain } from './audit-chain';
import { AuditWriter, maxWaiting } from './audit-writer';
import { ChainFollower } from './chain-follower';

const { privateKey } = generateKeyPairSync('ed25519');
let store: MemoryLogStore;
let log: MemoryAppendLog;
let chain: AuditChain;
let writer: AuditWriter;
let lines: string[];

beforeEach(() => {
  lines = [];
  store = new MemoryLogStore();
  log = new MemoryAppendLog(store);
  chain = new AuditChain(log, new ChainFollower(log, 'me'), { privateKey });
  writer = new AuditWriter(Log.create('license', 'info', { write: (line) => void lines.push(line) }), () => undefined);
});
afterEach(() => jest.useRealTimers());

const records = (): AuditRecord[] => store.records.flatMap(({ payload }) => readAuditRecord(payload) ?? []);
const types = (): string[] => records().map(({ type }) => type);

it('writes events in order, with the time at which they happened and an id', async () => {
  const early = writer.record('one', { keyId: 'alice' });
  expect(types()).toEqual([]);
  writer.start(chain);
  await Promise.all([early, writer.record('two'), writer.record('three')]);
  expect(types()).toEqual(['one', 'two', 'three']);
  expect(records()[0]).toMatchObject({ seq: 1, keyId: 'alice', event: 'me-1' });
});

it('keeps events while NATS is away, and writes them in order afterwards', async () => {
  writer.start(chain);
  await writer.record('before');
  store.disconnect();
  const waiting = ['one', 'two'].map((type) => writer.record(type));
  await writer.flush();
  expect([types(), writer.size]).toEqual([['before'], 2]);
  store.reconnect();
  await writer.flush();
  await Promise.all(waiting);
  expect([types(), writer.size]).toEqual([['before', 'one', 'two'], 0]);
});

it('writes no event twice whose first attempt was stored although it seemed to fail', async () => {
  writer.start(chain);
  const appendAfter = log.appendAfter.bind(log);
  jest.spyOn(log, 'appendAfter').mockImplementationOnce(async (...args) => {
    await appendAfter(...args);
    throw new ProblemError('bus_unavailable');
  });
  const recorded = writer.record('once');
  await writer.flush();
  // As after the duplicate window of the server.
  store.sequenceById.clear();
  await writer.flush();
  await recorded;
  await writer.record('next');
  expect(types()).toEqual(['once', 'next']);
});

it('tells who needs the record at once that it is not stored, and stores it later', async () => {
  jest.useFakeTimers();
  writer.start(chain);
  store.disconnect();
  const refused = expect(writer.require('key_created')).rejects.toMatchObject({ code: 'bus_unavailable' });
  await jest.advanceTimersByTimeAsync(5_000);
  await refused;
  store.reconnect();
  await writer.flush();
  expect(types()).toEqual(['key_created']);
});

it('says in the log that events are missing where too many waited', async () => {
  store.disconnect();
  writer.start(chain);
  for (let index = 0; index < maxWaiting; index++) void writer.record('waits');
  await writer.record('lost');
  await expect(writer.require('lost')).rejects.toMatchObject({ code: 'bus_unavailable' });
  expect(lines.join('')).toContain('audit event lost');
  store.reconnect();
  await writer.flush();
  expect(types().filter((type) => type === 'waits')).toHaveLength(maxWaiting);
  expect(records().at(-1)).toMatchObject({ type: 'events_lost', events: 2 });
});

it('refuses an event that no record can have, and goes on with the next event', async () => {
  writer.start(chain);
  await writer.record('bad', { seq: 1 });
  await expect(writer.require('bad', { seq: 1 })).rejects.toThrow('may not be named seq');
  await writer.record('bad', { reason: 'x'.repeat(70_000) });
  await writer.record('good');
  expect(types()).toEqual(['good']);
  expect(lines.join('')).toContain('audit event refused');
});
