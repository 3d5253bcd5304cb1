import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeyPattern, dayMs, hashApiKey, readPublicKeys, signLicense, verifyLicense } from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import { main } from '../license';
import { developmentFiles, ensureDevelopmentLicense, type DevelopmentLicense } from './development-license';

let parent: string;
let folder: string;
let said: string[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'development-license-'));
  folder = join(parent, 'license');
  said = [];
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(parent, { recursive: true });
});

const licenseOf = async ({ licenseFile, publicKeyFile }: DevelopmentLicense, nowMs = Date.now()) => {
  const keys = readPublicKeys(readFileSync(publicKeyFile, 'utf8'));
  const { payload, keyId } = await verifyLicense(readFileSync(licenseFile, 'utf8'), { keys, nowMs });
  return { ...payload, keyId };
};

it('issues a licence with every feature for 90 days, and two keys whose hashes alone are in the list of keys', async () => {
  const issued = await ensureDevelopmentLicense(folder);
  const { features, nbf, exp } = await licenseOf(issued);
  expect(issued.created).toBe(true);
  expect(features).toEqual(licenseFeatures);
  expect((exp - nbf) * 1_000).toBe(90 * dayMs);
  expect(issued.apiKey).toMatch(apiKeyPattern);
  const list = readFileSync(issued.keysFile, 'utf8');
  expect(JSON.parse(list)).toEqual([
    { id: expect.stringMatching(/^development-/) as string, sha256: hashApiKey(issued.apiKey) },
    { id: expect.stringMatching(/^admin-/) as string, sha256: hashApiKey(issued.adminKey), scopes: ['admin'] },
  ]);
  expect(list).not.toContain('sk_antiphon_');
});

it('lets nobody but its owner read the files', async () => {
  await ensureDevelopmentLicense(folder);
  const modes = [folder, ...readdirSync(folder).map((name) => join(folder, name))].map(
    (path) => statSync(path).mode & 0o077,
  );
  expect(modes).toEqual(modes.map(() => 0));
});

it('keeps what is there and still good', async () => {
  const first = await ensureDevelopmentLicense(folder);
  const license = await licenseOf(first);
  const second = await ensureDevelopmentLicense(folder);
  expect(second).toEqual({ ...first, created: false });
  expect(await licenseOf(second)).toEqual(license);
});

it('issues another licence when there is a function that the one it has does not name', async () => {
  const { licenseFile, ...first } = await ensureDevelopmentLicense(folder);
  const issuer = createPrivateKey(readFileSync(join(folder, developmentFiles.issuerKey)));
  const { keyId: _, ...license } = await licenseOf({ ...first, licenseFile });
  writeFileSync(licenseFile, await signLicense({ ...license, features: ['catalogue'] }, issuer));
  const second = await ensureDevelopmentLicense(folder);
  expect(second).toEqual({ ...first, licenseFile, created: true });
  expect((await licenseOf(second)).features).toEqual(licenseFeatures);
});

it('renews a licence that is about to expire and keeps key and issuer', async () => {
  const first = await ensureDevelopmentLicense(folder);
  const { keyId } = await licenseOf(first);
  const laterMs = Date.now() + 84 * dayMs;
  const later = await ensureDevelopmentLicense(folder, laterMs);
  const renewed = await licenseOf(later, laterMs);
  expect([later.created, renewed.keyId]).toEqual([true, keyId]);
  expect([later.apiKey, later.adminKey]).toEqual([first.apiKey, first.adminKey]);
});

it('replaces a licence that was damaged', async () => {
  const first = await ensureDevelopmentLicense(folder);
  writeFileSync(first.licenseFile, readFileSync(first.licenseFile, 'utf8').slice(0, -10));
  const second = await ensureDevelopmentLicense(folder);
  expect(second.created).toBe(true);
  await licenseOf(second);
});

it('prints where the files are, and no key', async () => {
  expect(await main(['init-dev', '--folder', folder], parent)).toBe(0);
  expect(said.join('\n')).toContain(join(folder, developmentFiles.license));
  expect(said.join('\n')).not.toContain('sk_antiphon_');
});
