import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditRecord, checkpointRecord, usageEventType } from '@app/licensing';
import type { UsageRecord } from '@app/protocol';
import { main } from '../license';

const { privateKey } = generateKeyPairSync('ed25519');
const at = '2026-11-29T09:30:00.000Z';
const usageRecord = (change: Partial<UsageRecord>): UsageRecord => ({
  id: 'a',
  at,
  requestId: 'r1',
  keyId: 'alice',
  kind: 'tts',
  model: 'piper',
  characters: 12,
  audioSamples: 22_050,
  sampleRateHz: 22_050,
  outcome: 'done',
  ...change,
});

let folder: string;
let said: string[];
let lines: Uint8Array[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'license-audit-'));
  writeFileSync(join(folder, 'audit-public.pem'), createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }));
  said = [];
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const installed = auditRecord(undefined, { at, type: 'license_installed', facts: { license: 'l1' } });
  const records = [usageRecord({}), usageRecord({ id: 'b', model: 'kokoro' })];
  const used = auditRecord(installed, { at, type: usageEventType, facts: { records } });
  const checkpoint = await checkpointRecord({ first: installed, last: used, privateKey, nowMs: Date.parse(at) });
  lines = [installed, used, checkpoint ?? new Uint8Array()];
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function exported(of: readonly Uint8Array[]): string {
  writeFileSync(join(folder, 'audit.jsonl'), Buffer.concat(of.flatMap((line) => [line, Buffer.from('\n')])));
  return 'audit.jsonl';
}

describe('npm run license -- audit verify', () => {
  it('says that an export is whole, and totals its usage', async () => {
    expect(await main(['audit', 'verify', exported(lines)], folder)).toBe(0);
    expect(said.join('\n')).toMatch(/3 records; records 1 to 2 were signed at 2026-11-29T09:30:00/);
    expect(said.join('\n')).toMatch(/2026-11 +alice +tts +2 +24 +2\.000/);
  });

  it('fails and names the record where a byte was changed', async () => {
    const changed = Buffer.from(
      Buffer.from(lines[1] ?? [])
        .toString('utf8')
        .replace(':12,', ':11,'),
    );
    expect(await main(['audit', 'verify', exported(lines.with(1, changed))], folder)).toBe(1);
    expect(said).toContainEqual(expect.stringMatching(/^record 2: changed/));
    expect(said).toContainEqual(expect.stringMatching(/not whole/));
  });

  it('takes the key that is given, and fails with one line without a key or a file', async () => {
    const other = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    writeFileSync(join(folder, 'other.pem'), other.export({ type: 'spki', format: 'pem' }));
    expect(await main(['audit', 'verify', exported(lines), '--key', 'other.pem'], folder)).toBe(1);
    expect(said).toContainEqual(expect.stringMatching(/^record 3: changed.*a key that was not given/));
    for (const args of [['verify', 'audit.jsonl', '--key', 'none.pem'], ['verify'], ['show', 'audit.jsonl']]) {
      said = [];
      expect(await main(['audit', ...args], folder)).toBe(1);
      expect(said).toHaveLength(1);
    }
  });
});

describe('npm run license -- usage', () => {
  it('totals a month of an audit export by key, and by model as CSV', async () => {
    const file = exported(lines);
    expect(await main(['usage', '--file', file, '--month', '2026-11'], folder)).toBe(0);
    expect(said.join('\n')).toMatch(/2026-11 +alice +tts +2 +24 +2\.000/);
    said = [];
    expect(await main(['usage', '--file', file, '--month', '2026-11', '--by', 'model', '--csv'], folder)).toBe(0);
    expect(said.join('').split('\r\n')).toEqual([
      'month,model,kind,requests,characters,audio_seconds',
      '2026-11,kokoro,tts,1,12,1.000',
      '2026-11,piper,tts,1,12,1.000',
      '',
    ]);
  });

  it('totals a file of usage records, each id once', async () => {
    const usage = [usageRecord({}), usageRecord({}), usageRecord({ id: 'b' })];
    exported(usage.map((record) => Buffer.from(JSON.stringify(record))));
    expect(await main(['usage', '--file', 'audit.jsonl', '--month', '2026-11'], folder)).toBe(0);
    expect(said.join('\n')).toMatch(/alice +tts +2 +24/);
  });

  it('says that a month has no usage', async () => {
    expect(await main(['usage', '--file', exported(lines), '--month', '2026-10'], folder)).toBe(0);
    expect(said).toEqual(['No usage in 2026-10.']);
  });

  it.each([
    [['--month', '2026-13'], '--month'],
    [['--by', 'voice'], '--by'],
    [['--file', 'bad.jsonl'], 'Line 2'],
  ])('fails with one line for %p', async (args, named) => {
    writeFileSync(join(folder, 'bad.jsonl'), `${JSON.stringify(usageRecord({}))}\n{"text":"Hello."}\n`);
    expect(await main(['usage', ...args], folder)).toBe(1);
    expect(said).toEqual([expect.stringContaining(named)]);
  });
});
