import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryKeyValue, type MemoryAppendLog } from '@app/broker';
import { assertLicensed, auditRecord, signLease, signLicense, type Lease } from '@app/licensing';
import { Log, loadConfig } from '@app/platform';
import { Authority } from '../../../../test/support/certificates';
import { testLicense } from '../../../../test/support/test-license';
import { until } from '../../../../test/support/until';
import { FakeLink } from '../../test/support/fake-link';
import { RecordingEndpoint, type RecordedRequest, type Reply } from '../../test/support/recording-endpoint';
import { unusedDocuments } from '../../test/support/replica';
import { testUsage } from '../../test/support/test-usage';
import type { AuditLogs } from '../audit/audit-logs';
import { memoryAuditLogs } from '../audit/testing';
import { readLicenseFiles } from '../documents/license-files';
import { LicenseStore } from '../documents/license-store';
import { LicenseConfig } from '../license.config';
import { ServiceStanding } from '../service-standing';
import { connectVendor } from './connect-vendor';
import type { Vendor } from './vendor';

const issuer = generateKeyPairSync('ed25519');
const folder = mkdtempSync(join(tmpdir(), 'vendor-'));
const file = (name: string): string => join(folder, name);
const authority = Authority.create(file('ca'), 'a private authority');
const certificate = authority.issue('endpoint', ['IP:127.0.0.1']);
const nowSeconds = Math.floor(Date.now() / 1_000);
const license = testLicense({
  iat: nowSeconds - 86_400,
  nbf: nowSeconds - 86_400,
  exp: nowSeconds + 86_400,
});
const lease: Lease = {
  jti: 'lease-1',
  license: 'lic-1',
  iat: nowSeconds,
  exp: nowSeconds + 3_600,
  checkInSeconds: 600,
};
let licenseText: string;

let standing: ServiceStanding;
let documents: LicenseStore;
let vendor: Vendor | undefined;
let endpoint: RecordingEndpoint;
let auditLog: MemoryAppendLog;
let audit: AuditLogs;
const lines: string[] = [];
const metrics = new FakeLink(() => ({ outcome: 'answered', answer: {} })).metrics;

beforeAll(async () => {
  licenseText = await signLicense(license, issuer.privateKey);
  writeFileSync(file('license.jwt'), `${licenseText}\n`);
  writeFileSync(file('keys.pem'), issuer.publicKey.export({ type: 'spki', format: 'pem' }));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  lines.splice(0);
  const made = memoryAuditLogs(Log.create('license', 'silent'));
  auditLog = made.logs.audit;
  audit = made.audit;
});
afterEach(async () => {
  await vendor?.stop();
  await documents.stop();
  await endpoint.stop();
});

async function connect(
  reply: (request: RecordedRequest) => Reply,
  settings: Record<string, string> = {},
): Promise<Vendor> {
  endpoint = await RecordingEndpoint.start(reply, certificate);
  const config = loadConfig(LicenseConfig, {
    LICENSE_MODE: 'connected',
    LICENSE_ENDPOINT: `https://127.0.0.1:${endpoint.port}`,
    LICENSE_CA_FILE: authority.certFile,
    LICENSE_FILE: file('license.jwt'),
    LICENSE_PUBLIC_KEY_FILE: file('keys.pem'),
    ...settings,
  });
  const files = await readLicenseFiles(config, Date.now());
  standing = new ServiceStanding('connected', files.licenses);
  const log = Log.create('license', 'debug', { write: (line) => void lines.push(line) });
  const store = new MemoryKeyValue();
  documents = new LicenseStore({ store, standing, settings: config, files, log });
  await documents.start();
  vendor = await connectVendor(config, standing, log, { documents, usage: testUsage(standing), audit, store });
  return vendor!;
}
const leaseReply = async (key: KeyObject = issuer.privateKey): Promise<Reply> => ({
  status: 200,
  body: JSON.stringify({ lease: await signLease(lease, key) }),
});

it('checks in over TLS, takes the lease, forwards the audit log, and shows it all without a secret', async () => {
  await auditLog.append(auditRecord(undefined, { at: new Date().toISOString(), type: 'test' }), 'id');
  const taken = await leaseReply();
  const running = await connect(({ path }) =>
    path === '/v1/check-in' ? taken : { status: 200, body: '{"acknowledged":1}' },
  );
  expect(standing.state()).toMatchObject({ state: 'grace', why: 'lost_contact' });
  running.start(metrics);
  await until(() => standing.state().state === 'active' && running.status().forwardedUpTo === 1);
  expect(running.status()).toEqual({
    endpoint: `127.0.0.1:${endpoint.port}`,
    lastContact: new Date(lease.iat * 1_000).toISOString(),
    nextCheckIn: expect.stringMatching(/^2\d{3}-/) as string,
    lastFailure: undefined,
    forwardedUpTo: 1,
  });
  const inMs = Date.parse(running.status().nextCheckIn ?? '') - Date.now();
  expect(inMs).toBeGreaterThan(400_000);
  expect(inMs).toBeLessThan(600_000);
  expect(await running.acknowledged()).toBe(1);
  expect(JSON.parse(endpoint.requests[0]!.body)).toMatchObject({ license: licenseText });
  expect(JSON.stringify([running.status(), lines])).not.toContain(licenseText.split('.')[2]);
});

it('keeps the state and says why where a lease is signed with another key', async () => {
  const forged = await leaseReply(generateKeyPairSync('ed25519').privateKey);
  const running = await connect(() => forged);
  const before = standing.state();
  running.start(metrics);
  await until(() => running.status().lastFailure?.outcome === 'lease_invalid');
  expect(running.status().lastFailure?.why).toMatch(/license_invalid: .*not among the trusted/);
  expect(standing.state()).toEqual(before);
});

it('goes on with the licence where the endpoint refuses it without a lease', async () => {
  const running = await connect(() => ({ status: 402, body: '{"error_code":"license_revoked"}' }));
  running.start(metrics);
  await until(() => running.status().lastFailure?.outcome === 'refused');
  expect(standing.state()).toMatchObject({ state: 'grace', why: 'lost_contact' });
  expect(assertLicensed(standing.facts(), { feature: 'tts' }).jti).toBe('lic-1');
});

it('is stopped at once while the endpoint does not answer, and decides meanwhile', async () => {
  const running = await connect(() => 'hang');
  running.start(metrics);
  await until(() => endpoint.requests.length > 0);
  expect(running.status()).toMatchObject({ nextCheckIn: undefined, lastFailure: undefined });
  for (let each = 0; each < 1_000; each++) assertLicensed(standing.facts(), { feature: 'tts' });
  await running.stop();
  await until(() => running.status().lastFailure?.outcome === 'unreachable');
});

it('does not show the credentials of a proxy', async () => {
  const running = await connect(() => 'hang', { HTTPS_PROXY: 'http://user:hidden@127.0.0.1:1' });
  running.start(metrics);
  await until(() => running.status().lastFailure !== undefined);
  expect(running.status().lastFailure?.why).toBe('proxy: ECONNREFUSED');
  expect(JSON.stringify([running.status(), lines])).not.toContain('hidden');
});

it('does not exist in air-gapped mode', async () => {
  endpoint = await RecordingEndpoint.start(() => 'hang');
  const config = loadConfig(LicenseConfig, {
    LICENSE_FILE: file('license.jwt'),
    LICENSE_PUBLIC_KEY_FILE: file('keys.pem'),
  });
  const log = Log.create('license', 'silent');
  const [usage, store] = [testUsage(standing), new MemoryKeyValue()];
  const sources = { documents: unusedDocuments(standing, log), usage, audit, store };
  expect(await connectVendor(config, standing, log, sources)).toBeUndefined();
});

it('names a CA file that cannot be read', async () => {
  await expect(connect(() => 'hang', { LICENSE_CA_FILE: file('absent.pem') })).rejects.toThrow(/LICENSE_CA_FILE/);
});
