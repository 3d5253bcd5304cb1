import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import type { UsageRecord } from '@app/protocol';
import { readPublicKeys } from '../license-signature';
import { auditHash, auditRecord, readAuditRecord } from './audit-record';
import { checkpointRecord } from './checkpoint';
import { usageEventType, verifyAudit, type AuditReport } from './verify-audit';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const startMs = Date.UTC(2026, 10, 29, 9, 30);
const usageRecord = (id: string): UsageRecord => ({
  id,
  at: '2026-11-29T09:30:00.000Z',
  requestId: 'r1',
  keyId: 'alice',
  kind: 'tts',
  model: 'piper',
  characters: 12,
  audioSamples: 22_050,
  sampleRateHz: 22_050,
  outcome: 'done',
});

/** `count` records and after each third one a checkpoint; the last record is a checkpoint. */
async function log(count: number, key: KeyObject = privateKey): Promise<Uint8Array[]> {
  const lines: Uint8Array[] = [];
  for (let index = 1; index <= count; index++) {
    const at = new Date(startMs + index * 1_000).toISOString();
    const facts = { records: [usageRecord(`job-${index}`)] };
    lines.push(auditRecord(lines.at(-1), { at, type: usageEventType, facts }));
    if (index % 3 === 0 || index === count) await addCheckpoint(lines, key);
  }
  return lines;
}

async function addCheckpoint(lines: Uint8Array[], key: KeyObject = privateKey): Promise<void> {
  const [first = new Uint8Array(), last = new Uint8Array()] = [lines[0], lines.at(-1)];
  const checkpoint = await checkpointRecord({ first, last, privateKey: key, nowMs: startMs });
  if (checkpoint) lines.push(checkpoint);
}

const verified = (lines: Uint8Array[]): Promise<AuditReport> => verifyAudit(lines, [publicKey]);
/** The numbers that a report names. */
const named = ({ findings }: AuditReport, seq: number): boolean =>
  findings.some(({ record, to = record }) => record <= seq && seq <= to);
const problems = ({ findings }: AuditReport) => findings.map(({ problem, record }) => `${problem} ${record}`);

describe('the check of an audit log', () => {
  it('finds nothing in a whole log, names its newest checkpoint and totals the usage', async () => {
    const { findings, records, checkpoint, usage } = await verified(await log(7));
    expect(findings).toEqual([]);
    expect(records).toBe(10);
    expect(checkpoint).toMatchObject({ seq: 9, firstSeq: 1, iat: startMs / 1_000 });
    expect(usage.rows('key')).toEqual([
      { month: '2026-11', name: 'alice', kind: 'tts', requests: 7, characters: 84, audioSeconds: 7 },
    ]);
  });

  it('finds nothing in the example of the documents, whose first hash is there, too', async () => {
    const page = readFileSync(join(__dirname, '../../../../docs/licensing-audit.md'), 'utf8');
    const [, example = ''] = /```jsonl\n([^`]*)\n```/.exec(page) ?? [];
    const lines = example.split('\n').map((line) => Buffer.from(line, 'utf8'));
    const { findings, records, usage } = await verifyAudit(lines, readPublicKeys(page));
    expect([findings, records, usage.records]).toEqual([[], 3, 1]);
    expect(page).toContain(`    ${auditHash(lines[0] ?? Buffer.alloc(0))}\n`);
  });

  it('accepts a log whose oldest records were dropped before its newest checkpoint', async () => {
    const lines = (await log(7)).slice(4);
    lines.push(auditRecord(lines.at(-1), { at: new Date(startMs).toISOString(), type: 'records_dropped' }));
    await addCheckpoint(lines);
    expect((await verified(lines)).findings).toEqual([]);
    expect(problems(await verified(lines.slice(1)))).toEqual(['missing 5']);
  });

  it('names a record whose content was changed', async () => {
    const lines = await log(7);
    lines[4] = Buffer.from(
      Buffer.from(lines[4] ?? [])
        .toString('utf8')
        .replace('"characters":12', '"characters":11'),
    );
    expect(problems(await verified(lines))).toEqual(['changed 5']);
  });

  it('names records that are missing', async () => {
    const lines = await log(7);
    lines.splice(4, 2);
    const { findings } = await verified(lines);
    expect(findings).toEqual([expect.objectContaining({ problem: 'missing', record: 5, to: 6 })]);
  });

  it('names a swapped pair', async () => {
    const lines = await log(7);
    const [fifth, sixth] = lines.slice(4, 6) as [Uint8Array, Uint8Array];
    lines.splice(4, 2, sixth, fifth);
    expect(problems(await verified(lines))).toEqual(['out_of_order 5', 'out_of_order 6']);
  });

  it('names a record that is there twice, and one that was written between two', async () => {
    const lines = await log(7);
    const twice = lines.toSpliced(5, 0, lines[4] as Uint8Array);
    expect(problems(await verified(twice))).toEqual(['extra 5']);
    const forged = auditRecord(lines[4], { at: new Date(startMs).toISOString(), type: 'forged' });
    expect(problems(await verified(lines.toSpliced(5, 0, forged)))).toEqual(['extra 6']);
  });

  it('says that the end is not signed where the last checkpoint was cut off, or made with another key', async () => {
    const lines = await log(7);
    expect(problems(await verified(lines.slice(0, -1)))).toEqual(['unsigned 9', 'missing 10']);
    const { privateKey: foreign } = generateKeyPairSync('ed25519');
    const report = await verified([...lines.slice(0, -1), ...(await rest(lines, foreign))]);
    expect(problems(report)).toEqual(['unsigned 9', 'changed 10']);
    expect(report.findings[1]?.detail).toMatch(/key that was not given/);
  });

  it('trusts no log that was rewritten from its start without the key', async () => {
    const { privateKey: foreign } = generateKeyPairSync('ed25519');
    expect(problems(await verified(await log(2, foreign)))).toEqual(['unsigned 1', 'changed 3']);
    expect(problems(await verified([]))).toEqual(['unsigned 0']);
  });

  it('accepts checkpoints of several keys', async () => {
    const next = generateKeyPairSync('ed25519').privateKey;
    const lines = await log(4);
    lines.push(auditRecord(lines.at(-1), { at: new Date(startMs).toISOString(), type: 'audit_key_rotated' }));
    await addCheckpoint(lines, next);
    expect((await verifyAudit(lines, [publicKey, createPublicKey(next)])).findings).toEqual([]);
  });

  it('makes no second checkpoint of the same state', async () => {
    const lines = await log(3);
    await addCheckpoint(lines);
    expect(lines).toHaveLength(4);
  });
});

/** The checkpoint at the end of `lines`, made with another key. */
async function rest(lines: readonly Uint8Array[], key: KeyObject): Promise<Uint8Array[]> {
  const last = lines.at(-2) as Uint8Array;
  const made = await checkpointRecord({ first: lines[0] as Uint8Array, last, privateKey: key, nowMs: startMs });
  return made ? [made] : [];
}

describe('any one fault in a log', () => {
  let lines: Uint8Array[];
  beforeAll(async () => {
    lines = await log(17);
  });
  const position = fc.nat({ max: 10_000 });
  const at = (given: number): number => given % lines.length;
  const holds = (property: fc.IAsyncProperty<unknown[]>): Promise<void> => fc.assert(property, { numRuns: 200 });

  it('is found where a byte was changed, by the number of its record', async () => {
    await holds(
      fc.asyncProperty(position, position, fc.integer({ min: 1, max: 255 }), async (line, offset, difference) => {
        const index = at(line);
        const changed = Buffer.from(lines[index] ?? []);
        const place = offset % changed.length;
        changed[place] = (changed[place] ?? 0) ^ difference;
        const report = await verified(lines.with(index, changed));
        expect(named(report, index + 1)).toBe(true);
        const others = report.findings.filter(({ problem, record }) => problem === 'changed' && record !== index + 1);
        expect(others).toEqual([]);
      }),
    );
  });

  it('is found where a byte was added or removed, by the number of its record', async () => {
    await holds(
      fc.asyncProperty(
        position,
        position,
        fc.constantFrom(0, 1),
        fc.nat({ max: 255 }),
        async (line, offset, cut, byte) => {
          const index = at(line);
          const bytes = [...(lines[index] ?? [])];
          bytes.splice(offset % bytes.length, cut, ...(cut === 0 ? [byte] : []));
          expect(named(await verified(lines.with(index, Buffer.from(bytes))), index + 1)).toBe(true);
        },
      ),
    );
  });

  it('is found where a field was replaced, by the number of its record', async () => {
    const field = fc.constantFrom('seq', 'at', 'type', 'prev', 'records', 'checkpoint', 'other');
    const value = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.string(), fc.constant(null));
    await holds(
      fc.asyncProperty(position, field, value, async (line, name, replaced) => {
        const index = at(line);
        const record = { ...readAuditRecord(lines[index] as Uint8Array), [name]: replaced };
        const bytes = Buffer.from(JSON.stringify(record));
        fc.pre(!bytes.equals(lines[index] as Uint8Array));
        expect(named(await verified(lines.with(index, bytes)), index + 1)).toBe(true);
      }),
    );
  });

  it('is found where a record was removed, by its number', async () => {
    await holds(
      fc.asyncProperty(position, async (line) => {
        const index = at(line);
        const report = await verified(lines.toSpliced(index, 1));
        expect(report.findings).toContainEqual(expect.objectContaining({ problem: 'missing', record: index + 1 }));
      }),
    );
  });

  it('is found where two records were swapped, by both numbers', async () => {
    await holds(
      fc.asyncProperty(position, position, async (one, other) => {
        const [a, b] = [at(one), at(other)];
        fc.pre(a !== b);
        const swapped = lines.with(a, lines[b] as Uint8Array).with(b, lines[a] as Uint8Array);
        expect(problems(await verified(swapped))).toEqual(
          [a, b].sort((x, y) => x - y).map((index) => `out_of_order ${index + 1}`),
        );
      }),
    );
  });
});
