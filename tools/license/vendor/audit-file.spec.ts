import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditHash, auditRecord, noPrevious } from '@app/licensing';
import { AuditFile } from './audit-file';

let folder: string;
let audit: AuditFile;

/** A chain whose records name it, so that no two chains have a record in common. */
function chainOf(name: string, length: number): string[] {
  const records: string[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const last = records.at(-1);
    const event = { at: '2026-11-29T09:30:00.000Z', type: 'key_created', facts: { keyId: `${name} ü${seq}` } };
    records.push(Buffer.from(auditRecord(last === undefined ? undefined : Buffer.from(last), event)).toString());
  }
  return records;
}

const chain = chainOf('a', 8);
const path = (name = 'audit.jsonl'): string => join(folder, name);
const stored = (name?: string): string => readFileSync(path(name), 'utf8');
const linesOf = (records: readonly string[]): string => records.map((record) => `${record}\n`).join('');
/** As after a restart. */
const reopened = (): AuditFile => (audit = new AuditFile(folder));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-file-'));
  audit = new AuditFile(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

it('appends exact lines and acknowledges the last one, also after a restart', async () => {
  expect(await audit.append(chain.slice(0, 3))).toBe(3);
  expect(await reopened().append(chain.slice(3, 5))).toBe(5);
  expect(await audit.append([])).toBe(5);
  expect(stored()).toBe(linesOf(chain.slice(0, 5)));
});

it('has each record on the disk before it acknowledges it, also those that a crash left in the file', async () => {
  const handle = await open(path('other'), 'a');
  const datasync = jest.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'datasync');
  await handle.close();
  try {
    await audit.append(chain.slice(0, 2));
    expect(datasync).toHaveBeenCalledTimes(1);
    expect(await reopened().append(chain.slice(0, 2))).toBe(2);
    expect(datasync).toHaveBeenCalledTimes(2);
  } finally {
    datasync.mockRestore();
  }
});

it('ignores records that it has, and stores those that follow them', async () => {
  await audit.append(chain.slice(0, 4));
  expect(await audit.append(chain.slice(1, 3))).toBe(4);
  expect(await audit.append(chain.slice(0, 6))).toBe(6);
  expect(await reopened().append(chain.slice(2, 8))).toBe(8);
  expect(stored()).toBe(linesOf(chain));
});

it('stores nothing after a gap, and says from where to go on', async () => {
  expect(await audit.append(chain.slice(2, 4))).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  await audit.append(chain.slice(0, 2));
  expect(await audit.append(chain.slice(3, 5))).toBe(2);
  expect(stored()).toBe(linesOf(chain.slice(0, 2)));
});

it('begins at the oldest record that the sender has, where it lacks what is older', async () => {
  expect(await audit.append(chain.slice(2, 4), 3)).toBe(4);
  expect(await reopened().append(chain.slice(3, 6), 3)).toBe(6);
  expect(stored()).toBe(linesOf(chain.slice(2, 6)));
});

it('starts another file after a gap that the sender cannot close', async () => {
  await audit.append(chain.slice(0, 2));
  expect(await audit.append(chain.slice(4, 6), 4)).toBe(2);
  expect(await audit.append(chain.slice(4, 6), 5)).toBe(6);
  expect([stored('audit-1.jsonl'), stored()]).toEqual([linesOf(chain.slice(0, 2)), linesOf(chain.slice(4, 6))]);
});

it.each([2, 3, 5, 7])(
  'refuses a batch whose record %i differs from the stored one, and stores nothing',
  async (seq) => {
    await audit.append(chain.slice(0, 7));
    const other = auditRecord(Buffer.from(chain[seq - 2]!), { at: '2026-11-29T09:30:00.000Z', type: 'other' });
    const batch = [...chain.slice(1, seq - 1), Buffer.from(other).toString()];
    const detail = `Audit record ${seq} differs from the stored record of this number. Nothing of this request was stored.`;
    await expect(audit.append(batch)).rejects.toMatchObject({ code: 'audit_conflict', detail });
    expect(stored()).toBe(linesOf(chain.slice(0, 7)));
  },
);

it('refuses a record that does not follow the stored one, and names it', async () => {
  await audit.append(chain.slice(0, 3));
  const refused = audit.append(chainOf('b', 5).slice(3));
  await expect(refused).rejects.toMatchObject({
    code: 'audit_conflict',
    detail: 'Audit record 4 does not follow the stored record before it. Nothing of this request was stored.',
  });
  expect(stored()).toBe(linesOf(chain.slice(0, 3)));
});

it('keeps the file of a chain when another one begins', async () => {
  await audit.append(chain);
  expect(await audit.append(chainOf('b', 2))).toBe(2);
  expect(await reopened().append(chainOf('b', 3))).toBe(3);
  expect(await audit.append(chainOf('c', 1))).toBe(1);
  expect([stored('audit-1.jsonl'), stored('audit-2.jsonl'), stored()]).toEqual([
    linesOf(chain),
    linesOf(chainOf('b', 3)),
    linesOf(chainOf('c', 1)),
  ]);
});

it('does not go back to a chain that another one replaced', async () => {
  await audit.append(chain.slice(0, 2));
  await audit.append(chainOf('b', 2));
  await expect(audit.append(chain)).rejects.toMatchObject({ code: 'audit_conflict' });
  await expect(reopened().append(chain.slice(0, 1))).rejects.toMatchObject({ code: 'audit_conflict' });
  expect(readdirSync(folder).sort()).toEqual(['audit-1.jsonl', 'audit.jsonl']);
});

it('goes on with a new chain that was killed between the rename and the first record', async () => {
  await audit.append(chain.slice(0, 2));
  renameSync(path(), path('audit-1.jsonl'));
  expect(await reopened().append(chainOf('b', 2))).toBe(2);
  expect(stored('audit-1.jsonl')).toBe(linesOf(chain.slice(0, 2)));
});

it('cuts what a kill left of a line, whatever byte it stopped at', async () => {
  const [whole, half] = [Buffer.from(linesOf(chain.slice(0, 2))), Buffer.from(chain[2]!)];
  for (let bytes = 0; bytes <= half.length; bytes += 1) {
    writeFileSync(path(), Buffer.concat([whole, half.subarray(0, bytes)]));
    expect(await reopened().append([])).toBe(2);
    expect(stored()).toBe(linesOf(chain.slice(0, 2)));
  }
  expect(await audit.append(chain.slice(1))).toBe(8);
  expect(stored()).toBe(linesOf(chain));
});

it('cuts the whole of a first line that was not finished', async () => {
  writeFileSync(path(), chain[0]!.slice(0, 20));
  expect(await audit.append(chain.slice(0, 1))).toBe(1);
  expect(stored()).toBe(linesOf(chain.slice(0, 1)));
});

it('reads a file again that something else changed while it runs', async () => {
  await audit.append(chain.slice(0, 4));
  truncateSync(path(), Buffer.byteLength(linesOf(chain.slice(0, 3))) + 5);
  expect(await audit.append(chain.slice(4))).toBe(3);
  rmSync(path());
  expect(await audit.append(chain.slice(4))).toBe(0);
  expect(await audit.append(chain)).toBe(8);
});

it('refuses to go on with a file that lacks a line, and leaves it as it is', async () => {
  writeFileSync(path(), linesOf([...chain.slice(0, 2), ...chain.slice(3)]));
  await expect(audit.append(chain)).rejects.toThrow(/is not as it was written\. Move it to another folder/);
  expect(stored()).toBe(linesOf([...chain.slice(0, 2), ...chain.slice(3)]));
});

const record = (change: object): string =>
  JSON.stringify({ seq: 1, at: 'now', type: 'x', prev: noPrevious, ...change });
it.each([
  ['no JSON', ['nonsense'], /records\.0 is not an audit record/],
  ['no record', ['{"seq":1}'], /records\.0 is not an audit record/],
  ['a line feed', [`${record({})}\n`], /records\.0 is not an audit record/],
  ['a line feed between fields', [record({}).replace(',', ',\n')], /records\.0 is not an audit record/],
  ['half a character', [record({ note: '?' }).replace('?', '\ud800')], /records\.0 is not an audit record/],
  ['a number that is no integer', [record({ seq: 1.5 })], /records\.0 is not an audit record/],
  ['a number that is too large', [record({ seq: 2 ** 53 })], /records\.0 is not an audit record/],
  ['a first record with a prev', [record({ prev: 'f'.repeat(64) })], /records\.0 is the first record but has a prev/],
  ['a gap inside', [chain[0]!, chain[2]!], /records\.1 does not follow the record before it/],
  ['a swapped pair', [chain[0]!, chain[1]!, chain[3]!, chain[2]!], /records\.2 does not follow/],
  ['a copy', [chain[0]!, chain[0]!], /records\.1 does not follow/],
  ['a changed byte', [chain[0]!.replace('ü', 'u'), chain[1]!], /records\.1 does not follow/],
])('refuses %s and stores nothing', async (_what, records, reason) => {
  await expect(audit.append(records)).rejects.toMatchObject({
    code: 'bad_request',
    detail: expect.stringMatching(reason) as string,
  });
  expect(readdirSync(folder)).toEqual([]);
});

it('takes deeply nested facts', async () => {
  const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`;
  const first = record({ deep: 0 }).replace('"deep":0', `"deep":${deep}`);
  const next = record({ seq: 2, prev: auditHash(Buffer.from(first)) });
  expect(await audit.append([first, next])).toBe(2);
  expect(await reopened().append([next])).toBe(2);
});
