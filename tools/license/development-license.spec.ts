import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeyPattern, hashApiKey, readPublicKeys, signLicense, verifyLicense } from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import { main } from '../license';
import { developmentFiles, ensureDevelopmentLicense, type DevelopmentLicense } from './development-license';

const dayMs = 86_400_000;
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

const licenseOf = ({ licenseFile, publicKeyFile }: DevelopmentLicense) =>
  verifyLicense(JSON.parse(readFileSync(licenseFile, 'utf8')), readPublicKeys(readFileSync(publicKeyFile, 'utf8')));

it('issues a licence with every feature for 90 days, and two keys whose hashes alone are in the list of keys', async () => {
  const issued = await ensureDevelopmentLicense(folder);
  const { features, issued_at, expires_at } = licenseOf(issued);
  expect(issued.created).toBe(true);
  expect(features).toEqual(licenseFeatures);
  expect(Date.parse(expires_at) - Date.parse(issued_at)).toBe(90 * dayMs);
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
  const license = licenseOf(first);
  const second = await ensureDevelopmentLicense(folder);
  expect(second).toEqual({ ...first, created: false });
  expect(licenseOf(second)).toEqual(license);
});

it('issues another licence when there is a function that the one it has does not name', async () => {
  const { licenseFile, ...first } = await ensureDevelopmentLicense(folder);
  const issuer = createPrivateKey(readFileSync(join(folder, developmentFiles.issuerKey)));
  const { key_id: _, ...document } = licenseOf({ ...first, licenseFile });
  writeFileSync(licenseFile, JSON.stringify(signLicense({ ...document, features: ['catalogue'] }, issuer)));
  const second = await ensureDevelopmentLicense(folder);
  expect(second).toEqual({ ...first, licenseFile, created: true });
  expect(licenseOf(second).features).toEqual(licenseFeatures);
});

it('renews a licence that is about to expire and keeps key and issuer', async () => {
  const first = await ensureDevelopmentLicense(folder);
  const { key_id } = licenseOf(first);
  const later = await ensureDevelopmentLicense(folder, Date.now() + 84 * dayMs);
  expect([later.created, licenseOf(later).key_id]).toEqual([true, key_id]);
  expect([later.apiKey, later.adminKey]).toEqual([first.apiKey, first.adminKey]);
});

it('replaces a licence that was damaged', async () => {
  const first = await ensureDevelopmentLicense(folder);
  writeFileSync(first.licenseFile, '{"license": {');
  const second = await ensureDevelopmentLicense(folder);
  expect(second.created).toBe(true);
  licenseOf(second);
});

describe('npm run license', () => {
  it('issues, shows and verifies, and prints no key', async () => {
    expect(await main(['init-dev', '--folder', folder], parent)).toBe(0);
    const file = join(folder, developmentFiles.license);
    expect(await main(['show', file], parent)).toBe(0);
    expect(await main(['verify', file], parent)).toBe(0);
    const text = said.join('\n');
    expect(text).toMatch(/holder +development on /);
    expect(text).toMatch(/signed by a trusted issuer, valid, 89 days left$/);
    expect(text).not.toContain('sk_antiphon_');
  });

  it('fails with one line on a doctored licence', async () => {
    const { licenseFile } = await ensureDevelopmentLicense(folder);
    writeFileSync(licenseFile, readFileSync(licenseFile, 'utf8').replace('"grace_days": 0', '"grace_days": 9999'));
    expect(await main(['verify', licenseFile], parent)).toBe(1);
    expect(said).toEqual([expect.stringMatching(/changed after it was issued/)]);
  });

  it('prints its help, and fails without a command', async () => {
    expect(await main(['--help'], parent)).toBe(0);
    expect(await main([], parent)).toBe(1);
    expect(await main(['verify'], parent)).toBe(1);
  });
});
