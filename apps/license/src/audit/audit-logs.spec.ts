import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore } from '@app/broker';
import { readArchive, readAuditRecord, readPublicKeys, verifyAudit, type AuditRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { usageBytes } from '@app/protocol';
import { until } from '../../../../test/support/until';
import type { AuditLogs } from './audit-logs';
import { memoryAuditLogs } from './testing';

let lines: string[];
let store: MemoryKeyValue;
let started: AuditLogs[];

const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
const records = ({ records: kept }: MemoryLogStore): AuditRecord[] =>
  kept.flatMap(({ payload }) => readAuditRecord(payload) ?? []);
const types = (of: MemoryLogStore): string[] => records(of).map(({ type }) => type);
const usage = (id: string): Uint8Array =>
  usageBytes({
    ...{ id, at: '2026-11-29T09:30:00.000Z', requestId: 'r', keyId: 'alice', kind: 'tts', model: 'piper' },
    ...{ characters: 12, audioSamples: 22_050, sampleRateHz: 22_050, outcome: 'done' },
  });

async function begin(change: Parameters<typeof memoryAuditLogs>[1] = {}) {
  const made = memoryAuditLogs(log, { store, roundMs: 5, ...change });
  started.push(made.audit);
  await made.audit.start();
  await until(() => made.audit.keyId !== undefined);
  return made;
}

beforeEach(() => {
  lines = [];
  started = [];
  store = new MemoryKeyValue();
});
afterEach(() => Promise.all(started.map((audit) => audit.stop())));

it('records its start, moves usage into the log, and signs the log when it ends', async () => {
  const { audit, logs, stores } = await begin();
  await logs.usage.append(usage('a'), 'a');
  await until(() => types(stores.audit).includes('usage'));
  await audit.stop();
  expect(types(stores.audit)).toEqual(['started', 'usage', 'checkpoint']);
  const keys = readPublicKeys(audit.publicKeysPem());
  const report = await verifyAudit(
    stores.audit.records.map(({ payload }) => payload),
    keys,
  );
  expect([report.findings, report.usage.records]).toEqual([[], 1]);
});

it('signs with one key in all processes of a deployment, which no log line has', async () => {
  const [one, two] = await Promise.all([begin(), begin()]);
  expect(one.audit.keyId).toMatch(/^[0-9a-f]{16}$/);
  expect(two.audit.keyId).toBe(one.audit.keyId);
  expect(await store.get('audit-key')).toContain('PRIVATE KEY');
  expect(lines.join('')).not.toContain('PRIVATE KEY');
});

describe('a key file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-key-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const keyFile = (name: string, type: 'ed25519' | 'x25519'): string => {
    const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
    writeFileSync(join(folder, name), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    return join(folder, name);
  };

  it('is used, and its replacement is recorded; the whole log verifies with the keys that an export has', async () => {
    const first = await begin({ keyFile: keyFile('one.pem', 'ed25519') });
    await first.audit.stop();
    const second = await begin({ keyFile: keyFile('two.pem', 'ed25519'), logs: reopened(first.stores) });
    await until(() => types(first.stores.audit).includes('audit_key_rotated'));
    await second.audit.stop();
    expect(second.audit.keyId).not.toBe(first.audit.keyId);
    const rotated = records(first.stores.audit).find(({ type }) => type === 'audit_key_rotated');
    expect(rotated).toMatchObject({ keyId: second.audit.keyId, replaced: first.audit.keyId });
    const all = first.stores.audit.records.map(({ payload }) => payload);
    expect((await verifyAudit(all, readPublicKeys(second.audit.publicKeysPem()))).findings).toEqual([]);
    expect(await store.get('audit-key')).toBeUndefined();
  });

  it.each([
    ['is not there', () => join(folder, 'none.pem')],
    ['has another kind of key', () => keyFile('x.pem', 'x25519')],
  ])('that %s stops the start', async (_, file) => {
    const { audit } = memoryAuditLogs(log, { store, keyFile: file() });
    await expect(audit.start()).rejects.toMatchObject({ code: 'config_invalid' });
  });
});

it('refuses new requests while a log is nearly full, warns before, and admits them when there is room', async () => {
  const stores = { usage: new MemoryLogStore(100_000), audit: new MemoryLogStore(1_000_000) };
  const { audit } = await begin({ logs: reopened(stores) });
  const gateway = new MemoryAppendLog(stores.usage);
  for (const [to, warned] of [
    [0.85, 1],
    [0.92, 2],
    [0.96, 3],
    [0.985, 3],
  ] as const) {
    await gateway.append(new Uint8Array(to * 100_000 - stores.usage.bytes), `filler-${to}`);
    await until(() => lines.filter((line) => line.includes('log is nearly full')).length === warned);
  }
  await until(() => refusal(audit) === 'audit_log_full');
  await gateway.append(usage('last'), 'last');
  await gateway.dropBefore(4);
  await until(() => refusal(audit) === undefined);
});

it('refuses new requests while the audit log takes no record, and forgets no event', async () => {
  const stores = { usage: new MemoryLogStore(), audit: new MemoryLogStore(2_000) };
  const logs = reopened(stores);
  const { audit } = await begin({ logs: reopened(stores) });
  const reasons = [1_500, 100, 700].map((length) => ({ reason: 'x'.repeat(length) }));
  const events = Promise.all(reasons.map((facts) => audit.writer.record('license_refused', facts)));
  await until(() => refusal(audit) === 'audit_log_full');
  await until(async () => {
    await logs.audit.dropBefore(stores.audit.lastSequence);
    return refusal(audit) === undefined;
  });
  await events;
  expect(stores.audit.lastSequence).toBeGreaterThanOrEqual(4);
});

it('moves no usage into an audit log that is nearly full: retention needs the rest to make room', async () => {
  const stores = { usage: new MemoryLogStore(), audit: new MemoryLogStore(50_000) };
  const logs = reopened(stores);
  const { audit } = await begin({ logs });
  await audit.writer.record('license_refused', { reason: 'x'.repeat(49_200 - stores.audit.bytes - 250) });
  await until(() => refusal(audit) === 'audit_log_full');
  const usageWaits = new MemoryAppendLog(stores.usage);
  await usageWaits.append(usage('waits'), 'waits');
  const rounds = jest.spyOn(logs.audit, 'state');
  await until(() => rounds.mock.calls.length > 2);
  expect(types(stores.audit)).not.toContain('usage');
  await logs.audit.dropBefore(stores.audit.lastSequence);
  await until(() => types(stores.audit).includes('usage'));
});

it('exports a full audit log, although it takes no checkpoint, and says so', async () => {
  const stores = { usage: new MemoryLogStore(), audit: new MemoryLogStore(2_000) };
  const { audit } = await begin({ logs: reopened(stores) });
  await audit.writer.record('license_refused', { reason: 'x'.repeat(1_950 - stores.audit.bytes - 250) });
  const tar = await audit.export();
  const names: string[] = [];
  for await (const { name, content } of readArchive(tar)) {
    names.push(name);
    if (name.startsWith('audit-0')) expect(Buffer.from(content).toString('utf8')).toContain('license_refused');
  }
  expect(names).toEqual(['audit-public.pem', 'audit-000001.jsonl']);
  expect(lines.join('')).toContain('export of the audit log has no checkpoint of its own');
});

it('exports a log that verifies, with its keys and the usage records, while others write', async () => {
  const { audit, logs, stores } = await begin();
  for (const id of ['a', 'b', 'c']) await logs.usage.append(usage(id), id);
  await until(() => types(stores.audit).includes('usage'));
  const tar = await audit.export();
  await audit.writer.record('key_created', { keyId: 'late', by: 'admin' });
  const files = new Map<string, string>();
  for await (const { name, content } of readArchive(tar)) files.set(name, Buffer.from(content).toString('utf8'));
  expect([...files.keys()]).toEqual(['audit-public.pem', 'audit-000001.jsonl', 'usage-000001.jsonl']);
  const exported = (files.get('audit-000001.jsonl') ?? '').trimEnd().split('\n');
  const keys = readPublicKeys(files.get('audit-public.pem') ?? '');
  const report = await verifyAudit(
    exported.map((line) => Buffer.from(line)),
    keys,
  );
  expect([report.findings, report.usage.records]).toEqual([[], 3]);
  expect((files.get('usage-000001.jsonl') ?? '').trimEnd().split('\n')).toHaveLength(3);
  expect(exported.at(-1)).toContain('"type":"checkpoint"');
});

const reopened = (of: { usage: MemoryLogStore; audit: MemoryLogStore }) => ({
  usage: new MemoryAppendLog(of.usage),
  audit: new MemoryAppendLog(of.audit),
});

function refusal(audit: AuditLogs): string | undefined {
  try {
    audit.assertRoom();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
