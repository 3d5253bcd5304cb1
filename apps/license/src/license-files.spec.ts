import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashApiKey, makeApiKey, signLicense } from '@app/licensing';
import { readKeySeeds, readLicenses } from './license-files';

const issuer = generateKeyPairSync('ed25519');
const content = {
  id: 'lic-1',
  holder: 'Example Ltd',
  features: ['tts'],
  limits: {},
  issued_at: '2026-01-01T00:00:00Z',
  expires_at: '2026-07-01T00:00:00Z',
  grace_days: 0,
};

let folder: string;
let publicKeyFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'license-files-'));
  publicKeyFile = write('issuer.pem', issuer.publicKey.export({ type: 'spki', format: 'pem' }) as string);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

it('reads every licence file', async () => {
  const files = ['lic-1', 'lic-2'].map((id) =>
    write(id, JSON.stringify(signLicense({ ...content, id }, issuer.privateKey))),
  );
  expect((await readLicenses(files, publicKeyFile)).map(({ id }) => id)).toEqual(['lic-1', 'lic-2']);
});

it('names the file whose content was changed', async () => {
  const signed = JSON.stringify(signLicense(content, issuer.privateKey));
  const file = write('doctored.json', signed.replace('2026-07', '2036-07'));
  await expect(readLicenses([file], publicKeyFile)).rejects.toMatchObject({
    code: 'license_invalid',
    detail: expect.stringContaining('doctored.json') as string,
  });
});

it.each([
  ['is missing', undefined, 'cannot be read'],
  ['is no JSON', 'licence', 'is not JSON'],
])('names the variable of a licence file that %s', async (_what, text, reason) => {
  const file = text === undefined ? join(folder, 'absent') : write('license.json', text);
  await expect(readLicenses([file], publicKeyFile)).rejects.toMatchObject({
    code: 'config_invalid',
    detail: expect.stringMatching(new RegExp(`^LICENSE_FILE: .*${reason}\\.$`)) as string,
  });
});

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
