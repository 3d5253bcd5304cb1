import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { usageBytes, type UsageRecord } from '@app/protocol';
import { until } from '../../../../test/support/until';
import { noUse, usageRecord } from './usage-record';
import { UsageSpool } from './usage-spool';

const record = (): UsageRecord =>
  usageRecord({ requestId: 'r', keyId: 'key-1', kind: 'tts', model: 'piper', outcome: 'done' }, noUse);
const append = (spool: UsageSpool, one: UsageRecord): Promise<void> =>
  spool.append(usageBytes(one), Date.parse(one.at));

/** Takes every file; resolves to the ids of its records, in order. */
async function emptied(spool: UsageSpool): Promise<string[]> {
  const ids: string[] = [];
  for (let file = await spool.take(); file; file = await spool.take()) {
    ids.push(...(await spool.read(file)).records.map((one) => one.record.id));
    await spool.remove(file);
  }
  return ids;
}

describe('the spool of usage records', () => {
  let folder: string;
  let spool: UsageSpool;

  const opened = async (): Promise<UsageSpool> => {
    const next = new UsageSpool(folder);
    await next.open();
    return next;
  };
  beforeEach(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'antiphon-spool-')), 'made');
    spool = await opened();
  });
  afterEach(async () => {
    await spool.close();
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  it('gives the records in the order in which they came, and leaves no file behind', async () => {
    const all = Array.from({ length: 50 }, record);
    await Promise.all(all.map((one) => append(spool, one)));
    expect(spool.files.reduce((sum, { records }) => sum + records, 0)).toBe(50);
    expect(spool.files[0]?.oldestAtMs).toBe(Math.min(...all.map(({ at }) => Date.parse(at))));
    expect(await emptied(spool)).toEqual(all.map(({ id }) => id));
    expect([spool.files, readdirSync(folder)]).toEqual([[], []]);
  });

  it('confirms a record once its bytes are synced, and not before', async () => {
    const any = await open(join(folder, 'any'), 'w');
    const handles = Object.getPrototypeOf(any) as FileHandle;
    await any.close();
    let synced = (): void => undefined;
    const sync = jest.spyOn(handles, 'datasync').mockReturnValue(new Promise((resolve) => (synced = resolve)));
    const confirmed = jest.fn();
    const appended = append(spool, record()).then(confirmed);
    await until(() => sync.mock.calls.length > 0);
    expect([readFileSync(spool.files[0]!.path, 'utf8').endsWith('}\n'), confirmed.mock.calls.length]).toEqual([
      true,
      0,
    ]);
    synced();
    await appended;
    sync.mockRestore();
  });

  it('closes a file before it is too long to be read at once', async () => {
    for (let written = 0; written < 3; written++)
      await Promise.all(Array.from({ length: 1_000 }, () => append(spool, record())));
    expect(spool.files.length).toBeGreaterThan(1);
    expect(new Set(await emptied(spool)).size).toBe(3_000);
  });

  it('has all that was confirmed after a kill at any byte, and nothing that was not written', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      cutAt,
    );
    await fc.assert(property, { numRuns: 60 });
  });

  /** Writes records, cuts the file as a kill in the middle of a write would, and starts again. */
  async function cutAt(count: number, share: number): Promise<void> {
    const killed = await opened();
    const all = Array.from({ length: count }, record);
    for (const one of all) await append(killed, one);
    const file = killed.files[0]!;
    const keptBytes = Math.floor(file.bytes * share);
    truncateSync(file.path, keptBytes);
    const lineBytes = file.bytes / count;
    const next = await opened();
    const later = record();
    await append(next, later);
    const whole = all.slice(0, Math.floor(keptBytes / lineBytes));
    expect(await emptied(next)).toEqual([...whole, later].map(({ id }) => id));
    expect(readdirSync(folder).filter((name) => name.endsWith('.unreadable'))).toEqual([]);
    await killed.close();
  }

  it('names whole lines that are no record, and keeps their file for a person', async () => {
    const one = record();
    await append(spool, one);
    appendFileSync(spool.files[0]!.path, 'no record\n');
    const file = (await spool.take())!;
    expect(await spool.read(file)).toMatchObject({ records: [{ record: one }], unreadable: 1 });
    await spool.remove(file, { keep: true });
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/\.unreadable$/)]);
    expect(await emptied(await opened())).toEqual([]);
  });

  it('loses nothing where another gateway takes over the file that is being written', async () => {
    const before = record();
    await append(spool, before);
    const other = await opened();
    const after = record();
    await append(spool, after);
    expect((await emptied(other))[0]).toBe(before.id);
    expect(await emptied(spool)).toEqual([after.id]);
  });

  it('takes over a file again whose take-over failed half way', async () => {
    const one = record();
    await append(spool, one);
    const next = new UsageSpool(folder);
    const reading = jest.spyOn(next, 'read').mockRejectedValueOnce(new Error('too many open files'));
    await expect(next.open()).rejects.toThrow('too many open files');
    reading.mockRestore();
    await next.open();
    expect(next.files.map(({ records }) => records)).toEqual([1]);
    expect(await emptied(next)).toEqual([one.id]);
  });

  it('rejects while its folder cannot be written, and takes records again afterwards', async () => {
    await append(spool, record());
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file in its place');
    const refused = record();
    await expect(append(spool, refused)).rejects.toThrow();
    await expect(spool.open()).rejects.toThrow();
    rmSync(folder);
    await spool.open();
    await append(spool, refused);
    expect(await emptied(spool)).toEqual([refused.id]);
  });
});
