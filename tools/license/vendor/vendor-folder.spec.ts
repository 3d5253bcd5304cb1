import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditRecord } from '@app/licensing';
import { holderFolder, VendorFolder } from './vendor-folder';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vendor-folder-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('carries out what comes for a deployment one after another, also after a failure', async () => {
  const first = auditRecord(undefined, { at: '2026-11-29T09:30:00.000Z', type: 'test' });
  const second = auditRecord(first, { at: '2026-11-29T09:30:00.000Z', type: 'test' });
  const [one, two] = [Buffer.from(first).toString(), Buffer.from(second).toString()];
  const holder = { sub: 'Example Ltd' };
  const vendor = new VendorFolder(folder);
  const send = (...records: string[]): Promise<number> => vendor.deployment(holder, 'prod-1').appendAudit(records);
  const answers = await Promise.allSettled([send(one), send('nonsense'), send(one, two), send(two), send(one)]);
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'refused'))).toEqual([
    1,
    'refused',
    2,
    2,
    2,
  ]);
  const file = join(folder, 'holders', holderFolder(holder.sub), 'prod-1', 'audit.jsonl');
  expect(readFileSync(file, 'utf8')).toBe(`${one}\n${two}\n`);
});

it('gives every holder a folder of its own, whose name is no path', () => {
  const holders = [
    'Example Ltd',
    'example ltd',
    'Example, Ltd',
    '../..',
    '/',
    '..',
    '例',
    '例え',
    `${'x'.repeat(199)}a`,
    'x'.repeat(200),
  ];
  const names = holders.map(holderFolder);
  expect(names[0]).toMatch(/^example-ltd-[0-9a-f]{12}$/);
  for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,60}$/);
  expect(new Set(names).size).toBe(holders.length);
});

it('lists check-ins beside files that are being written', async () => {
  const vendor = new VendorFolder(folder);
  expect(await vendor.checkIns()).toEqual([]);
  await vendor
    .deployment({ sub: 'Example Ltd' }, undefined)
    .saveTelemetry({ license: 'l', receivedAt: '', month: '2026-11', rows: [] });
  const deployment = join(folder, 'holders', holderFolder('Example Ltd'), '@unnamed');
  writeFileSync(join(deployment, '.check-in.json.0'), '{');
  expect(await vendor.checkIns()).toEqual([]);
});
