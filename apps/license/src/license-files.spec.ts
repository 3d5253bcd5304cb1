import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultGrace, hashApiKey, makeApiKey, signLicense } from '@app/licensing';
import { readKeySeeds, readLicenses } from './license-files';

const issuer = generateKeyPairSync('ed25519');
const content = {
  jti: 'lic-1',
  sub: 'Example Ltd',
  features: ['tts'],
  limits: {},
  iat: Date.parse('2026-01-01T00:00:00Z') / 1_000,
  nbf: Date.parse('2026-01-01T00:00:00Z') / 1_000,
  exp: Date.parse('2026-07-01T00:00:00Z') / 1_000,
  grace: defaultGrace,
};
const nowMs = Date.parse('2026-06-01T00:00:00Z');

let folder: string;
let publicKeyFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'license-files-'));
  publicKeyFile = write('issuer.pem', issuer.publicKey.export({ type: 'spki', format: 'pem' }) as string);
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (licenseFile: string[], licenseDeployment?: string) =>
  readLicenses({ licenseFile, licensePublicKeyFile: publicKeyFile, licenseDeployment }, nowMs);

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

it('reads every licence file', async () => {
  const files = await Promise.all(
    ['lic-1', 'lic-2'].map(async (jti) => write(jti, await signLicense({ ...content, jti }, issuer.privateKey))),
  );
  expect((await read(files)).map(({ jti }) => jti)).toEqual(['lic-1', 'lic-2']);
});

it('reads a licence of this deployment only', async () => {
  const file = write('named', await signLicense({ ...content, deployment: 'prod-1' }, issuer.privateKey));
  expect(await read([file], 'prod-1')).toHaveLength(1);
  await expect(read([file], 'prod-2')).rejects.toThrow(/named: .*for the deployment prod-1, and this one is prod-2/);
});

it('names the file whose content was changed', async () => {
  const [header, , signature] = (await signLicense(content, issuer.privateKey)).split('.');
  const later = Buffer.from(JSON.stringify({ ...content, exp: content.exp + 1 })).toString('base64url');
  const file = write('doctored.jwt', [header, later, signature].join('.'));
  await expect(read([file])).rejects.toMatchObject({
    code: 'license_invalid',
    detail: expect.stringMatching(/doctored\.jwt: .*changed after it was issued/) as string,
  });
});

it('names the variable of a licence file that is missing', async () => {
  await expect(read([join(folder, 'absent')])).rejects.toMatchObject({
    code: 'config_invalid',
    detail: expect.stringMatching(/^LICENSE_FILE: .*cannot be read\.$/) as string,
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
