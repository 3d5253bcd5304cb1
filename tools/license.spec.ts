import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { licenseFeatures } from '@app/protocol';
import { main } from './license';
import { rehearseCommand } from './license/rehearse';
import { inspectCommand } from './license/inspect';
import { issueCommand } from './license/issue';

const now = Date.parse('2026-06-01T00:00:00Z');
let root: string;
let said: string[];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'license-command-'));
  said = [];
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
  expect(await main(['keys', '--folder', root], root)).toBe(0);
  said.splice(0);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true });
});

const issue = (...options: string[]): Promise<number> =>
  issueCommand(['--key', 'issuer-private.pem', '--holder', 'Example Ltd', '--out', 'l.jwt', ...options], root, now);
const text = (): string => said.join('\n');

it('makes keys that only their owner can read, and never overwrites keys', async () => {
  const before = readFileSync(join(root, 'issuer-private.pem'), 'utf8');
  expect(statSync(join(root, 'issuer-private.pem')).mode & 0o077).toBe(0);
  expect(await main(['keys', '--folder', root], root)).toBe(1);
  expect(said).toEqual([expect.stringMatching(/issuer-private\.pem exists/)]);
  expect(readFileSync(join(root, 'issuer-private.pem'), 'utf8')).toBe(before);
});

it('issues a licence for a year with every feature and the published grace, and inspects it', async () => {
  expect(await issue()).toBe(0);
  expect(await inspectCommand(['l.jwt'], root, now)).toBe(0);
  expect(text()).toContain(`features         ${licenseFeatures.join(', ')}`);
  expect(text()).toContain('expires          2027-06-01T00:00:00Z');
  expect(text()).toContain('grace            14 days after the expiry');
  expect(text()).toMatch(/state {12}active\nrequests until {3}2027-06-15T00:00:00Z$/);
});

it('issues what its options say', async () => {
  const limits = ['--max-concurrent', '5', '--monthly-characters', '1000', '--monthly-audio-seconds', '60'];
  const dates = ['--not-before', '2026-07-01', '--expires', '2026-08-01T12:00:00Z'];
  const names = ['--id', 'lic-1', '--deployment', 'prod-1', '--features', 'tts, stt', '--models', 'piper'];
  const grace = [
    '--grace-expiry-days',
    '1',
    '--grace-lost-contact-days',
    '2',
    '--grace-proxy-unreachable-seconds',
    '3',
  ];
  expect(await issue(...limits, ...dates, ...names, ...grace)).toBe(0);
  const [, payload = ''] = readFileSync(join(root, 'l.jwt'), 'utf8').split('.');
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
    jti: 'lic-1',
    sub: 'Example Ltd',
    deployment: 'prod-1',
    features: ['tts', 'stt'],
    models: ['piper'],
    limits: { maxConcurrent: 5, monthlyCharacters: 1_000, monthlyAudioSeconds: 60 },
    iat: now / 1_000,
    nbf: Date.parse('2026-07-01T00:00:00Z') / 1_000,
    exp: Date.parse('2026-08-01T12:00:00Z') / 1_000,
    grace: { lostContactDays: 2, expiryDays: 1, proxyUnreachableSeconds: 3 },
  });
});

it.each([
  [['--features', 'tts,dancing'], /dancing is unknown/],
  [['--days', 'ten'], /--days must be a whole number/],
  [['--days', '0'], /nbf must be less than exp/],
  [['--expires', '2026-13-01'], /--expires needs a date/],
  [['--max-concurrent', '0'], /maxConcurrent must not be less than 1/],
])('issues nothing with %j', async (options, reason) => {
  await expect(issue(...options)).rejects.toThrow(reason);
});

it('fails with one line where a file or an option is missing', async () => {
  expect(await main(['issue', '--holder', 'Example Ltd'], root)).toBe(1);
  expect(await main(['inspect'], root)).toBe(1);
  expect(await main(['rehearse', 'absent.jwt', '--as-of', '2026-07-01'], root)).toBe(1);
  expect(said).toEqual([
    '--key is missing.',
    'Name one licence file.',
    expect.stringMatching(/no such file.*absent\.jwt/),
  ]);
});

it('fails on a licence that was changed or is over, and on one of another deployment', async () => {
  await issue('--days', '1', '--grace-expiry-days', '0', '--deployment', 'prod-1');
  expect(await inspectCommand(['l.jwt'], root, now + 86_400_000)).toBe(1);
  expect(text()).toMatch(/state {12}refused, expired$/);
  await expect(inspectCommand(['l.jwt', '--deployment', 'prod-2'], root, now)).rejects.toThrow(/prod-1/);
  const document = readFileSync(join(root, 'l.jwt'), 'utf8').trim().split('.');
  writeFileSync(join(root, 'l.jwt'), [document[0], document[1], 'A'.repeat(86)].join('.'));
  await expect(inspectCommand(['l.jwt'], root, now)).rejects.toThrow(/changed after it was issued/);
});

it('rehearses an expiry', async () => {
  await issue('--expires', '2026-07-01', '--grace-expiry-days', '7');
  said.splice(0);
  expect(await rehearseCommand(['l.jwt', '--as-of', '2026-08-01'], root, now)).toBe(0);
  const refused = '402 license_expired: Ask the operator to install a current licence.';
  expect(said).toEqual([
    '2026-06-01T00:00:00Z  active                  new requests are admitted',
    '2026-07-01T00:00:00Z  grace, expiry           new requests are admitted',
    `2026-07-08T00:00:00Z  refused, expired        ${refused}`,
    `2026-08-01T00:00:00Z  refused, expired        ${refused}`,
  ]);
});

it('rehearses a lost contact', async () => {
  await issue('--grace-lost-contact-days', '3');
  said.splice(0);
  expect(await rehearseCommand(['l.jwt', '--as-of', '2026-06-10', '--last-lease-ends', '2026-06-02'], root, now)).toBe(
    0,
  );
  expect(said.map((line) => line.slice(0, 45).trim())).toEqual([
    '2026-06-01T00:00:00Z  active',
    '2026-06-02T00:00:00Z  grace, lost_contact',
    '2026-06-05T00:00:00Z  refused, lost_contact',
    '2026-06-10T00:00:00Z  refused, lost_contact',
  ]);
});

it('prints its help, and fails without a command or with an unknown one', async () => {
  expect(await main(['--help'], root)).toBe(0);
  expect(await main([], root)).toBe(1);
  expect(await main(['dance'], root)).toBe(1);
});
