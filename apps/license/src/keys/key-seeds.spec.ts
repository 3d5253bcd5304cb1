import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashApiKey, makeApiKey } from '@app/licensing';
import { readKeySeeds } from './key-seeds';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'key-seeds-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

it('reads the keys to begin with, or none without a file', async () => {
  const record = { id: 'first', sha256: hashApiKey(makeApiKey()), scopes: ['tts'], maxConcurrent: 2 };
  expect(await readKeySeeds(write('keys.json', JSON.stringify([record])))).toEqual([record]);
  expect(await readKeySeeds(undefined)).toEqual([]);
});

it.each(['{}', '[{"id": "first"}]', JSON.stringify([{ id: 'first', sha256: makeApiKey() }])])(
  'refuses a key file with %s and repeats no key of it',
  async (text) => {
    const reading = readKeySeeds(write('keys.json', text));
    await expect(reading).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(reading).rejects.not.toThrow(/sk_antiphon_/);
  },
);
