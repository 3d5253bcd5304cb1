import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsKeyValue } from '@app/broker';
import { hashApiKey, readPublicKeys, signLicense, verifyLicense, type License } from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import {
  developmentFiles,
  ensureDevelopmentLicense,
  type DevelopmentLicense,
} from '../../tools/license/development-license';
import { main } from '../../tools/license';
import { PortBook } from '../../tools/stack/ports';
import { LicenseProcess } from '../support/license-process';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

const longMs = 30_000;

describe('the license app as a process', () => {
  const nats = new TestNatsServer();
  const processes: LicenseProcess[] = [];
  let folder: string;
  let license: DevelopmentLicense;
  let port: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-license-'));
    license = await ensureDevelopmentLicense(folder);
    port = await new PortBook().take(18_500);
    await nats.start();
  }, longMs);
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((running) => running.stop()));
    await nats.stop();
    rmSync(folder, { recursive: true });
  }, longMs);

  const launch = (env: Record<string, string> = {}): LicenseProcess => {
    const started = new LicenseProcess(Number(env['PORT'] ?? port), {
      NATS_URL: nats.url,
      LICENSE_FILE: license.licenseFile,
      LICENSE_PUBLIC_KEY_FILE: license.publicKeyFile,
      API_KEYS_FILE: license.keysFile,
      ...env,
    });
    processes.push(started);
    return started;
  };

  /** The same licence, signed by the same issuer, but for what is changed. */
  const sign = async (change: Partial<License>): Promise<string> => {
    const keys = readPublicKeys(readFileSync(license.publicKeyFile, 'utf8'));
    const document = readFileSync(license.licenseFile, 'utf8');
    const { payload } = await verifyLicense(document, { keys, nowMs: Date.now() });
    const issuer = createPrivateKey(readFileSync(join(folder, developmentFiles.issuerKey)));
    return signLicense({ ...payload, ...change }, issuer);
  };
  const issue = async (change: Partial<License>): Promise<void> =>
    writeFileSync(license.licenseFile, await sign(change));

  it(
    'answers from memory while NATS is away, and learns of a renamed and a revoked key when it is back',
    async () => {
      const app = launch();
      await app.ready();
      expect((await app.authorize(license.apiKey)).status).toBe(200);

      await nats.kill();
      expect((await app.authorize(license.apiKey)).status).toBe(200);
      expect(await app.statusOf('/readyz')).toBe(200);

      await nats.start();
      const keys = new NatsKeyValue({ servers: [nats.url], name: 'operator', bucket: 'antiphon-keys' });
      await keys.start();
      const id = `development-${hashApiKey(license.apiKey).slice(0, 8)}`;
      const record = JSON.parse((await keys.get(id)) ?? '') as object;
      await keys.put('renamed', JSON.stringify({ ...record, id: 'renamed' }));
      await keys.delete(id);
      await until(async () => (await app.authorize(license.apiKey)).body.keyId === 'renamed');
      await keys.delete('renamed');
      await keys.close();
      await until(async () => (await app.authorize(license.apiKey)).status !== 200);
      expect(await app.authorize(license.apiKey)).toMatchObject({ status: 401, body: { error_code: 'key_unknown' } });
    },
    longMs,
  );

  it(
    'creates, rotates and revokes a key for all replicas, and a restored bucket does not revive what has ended',
    async () => {
      const one = launch();
      await one.ready();
      const other = launch({ PORT: String(await new PortBook().take(18_600)) });
      await other.ready();
      const admin = license.adminKey;
      const isKnown = (app: LicenseProcess, key: string) => async (): Promise<boolean> =>
        (await app.authorize(key)).body['keyId'] === 'client';
      const isRefused = (app: LicenseProcess, key: string) => async (): Promise<boolean> =>
        (await app.authorize(key)).body['error_code'] === 'key_revoked';

      const created = await one.post('keys', { id: 'client', scopes: ['tts'] }, admin);
      const first = created.body['key'] as string;
      await until(isKnown(other, first));
      const store = new NatsKeyValue({ servers: [nats.url], name: 'operator', bucket: 'antiphon-keys' });
      await store.start();
      const backup = (await store.get('client')) ?? '';

      const rotated = await other.post('keys/client/rotate', { overlapSeconds: 0 }, admin);
      const second = rotated.body['key'] as string;
      await until(isRefused(one, first));
      await until(isKnown(one, second));
      expect((await one.post('keys/client/revoke', {}, admin)).status).toBe(200);
      await until(isRefused(other, second));

      await store.put('client', backup);
      await store.close();
      await Promise.all([one.stop(), other.stop()]);
      const restarted = launch();
      await restarted.ready();
      expect(await restarted.authorize(first)).toMatchObject({ status: 401, body: { error_code: 'key_revoked' } });
      const again = await restarted.post('keys/client/rotate', {}, admin);
      expect(again).toMatchObject({ status: 409, body: { error_code: 'key_conflict' } });
    },
    longMs,
  );

  it(
    'keeps an audit log of what two processes did, which is downloaded and verified, before and after a kill',
    async () => {
      const one = launch();
      await one.ready();
      const other = launch({ PORT: String(await new PortBook().take(18_600)) });
      await other.ready();
      expect((await one.post('keys', { id: 'client' }, license.adminKey)).status).toBe(201);
      other.kill();
      await other.ended();
      expect((await one.post('keys/client/revoke', {}, license.adminKey)).status).toBe(200);
      const out = join(folder, 'audit.tar');
      const url = `http://127.0.0.1:${port}`;
      const said: string[] = [];
      const print = jest.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
      try {
        expect(await main(['audit', 'export', '--out', out, '--url', url, '--key', license.adminKey], '.')).toBe(0);
        expect(await main(['audit', 'verify', out], '.')).toBe(0);
      } finally {
        print.mockRestore();
      }
      expect(said.join('\n')).toContain('Every record is there, in order, as it was written.');
      const tar = readFileSync(out, 'latin1');
      for (const type of ['started', 'key_created', 'key_revoked']) expect(tar).toContain(`"type":"${type}"`);
      expect(tar).toContain('"by":"file"');
      expect(await one.stop()).toBe(0);
    },
    longMs,
  );

  it(
    'refuses with 402 when the licence has expired, and with 403 what it never had',
    async () => {
      const features = licenseFeatures.filter((feature) => feature !== 'stt');
      await issue({ features });
      const lacking = launch();
      await lacking.ready();
      expect(await lacking.authorize(license.apiKey, 'stt')).toMatchObject({
        status: 403,
        body: { error_code: 'feature_not_licensed' },
      });
      await lacking.stop();

      const [begins, ends] = ['2025-01-01', '2025-02-01'].map((date) => Date.parse(date) / 1_000);
      await issue({ features, iat: begins, nbf: begins, exp: ends });
      const expired = launch();
      await expired.ready();
      expect(await expired.authorize(license.apiKey)).toMatchObject({
        status: 402,
        body: { error_code: 'license_expired' },
      });
    },
    longMs,
  );

  it(
    'installs a licence at all replicas without a restart, for a later start too, and takes a renewed file',
    async () => {
      const [begins, ends] = ['2025-01-01', '2025-02-01'].map((date) => Date.parse(date) / 1_000);
      await issue({ jti: 'old', iat: begins, nbf: begins, exp: ends });
      const one = launch();
      await one.ready();
      const other = launch({ PORT: String(await new PortBook().take(18_600)) });
      await other.ready();
      expect((await other.authorize(license.apiKey)).body['error_code']).toBe('license_expired');

      const now = Math.floor(Date.now() / 1_000);
      const current = { iat: now - 60, nbf: now - 60, exp: now + 86_400 };
      const text = await sign({ jti: 'installed', ...current });
      const installed = await one.post('license', { license: text }, license.adminKey);
      expect(installed).toMatchObject({ status: 200, body: { license: { id: 'installed' }, inForce: true } });
      await until(async () => (await other.authorize(license.apiKey)).status === 200);
      const older = await other.post('license', { license: await sign({ jti: 'older' }) }, license.adminKey);
      expect(older).toMatchObject({ status: 409, body: { error_code: 'license_conflict' } });

      await issue({ jti: 'renewed', ...current, iat: now });
      await until(async () => (await one.inForce()) === 'renewed' && (await other.inForce()) === 'renewed');
      await issue({ jti: 'old', iat: begins, nbf: begins, exp: ends });
      await Promise.all([one.stop(), other.stop()]);
      const restarted = launch();
      await restarted.ready();
      expect([await restarted.inForce(), (await restarted.authorize(license.apiKey)).status]).toEqual([
        'installed',
        200,
      ]);
    },
    2 * longMs,
  );

  it(
    'waits for a bus that is not there yet, alive but not ready, and stops when it is told to',
    async () => {
      await nats.kill();
      const app = launch();
      await until(async () => (await app.statusOf('/readyz')) === 503);
      expect(await app.statusOf('/healthz')).toBe(200);
      expect(await app.authorize(license.apiKey)).toMatchObject({
        status: 503,
        body: { error_code: 'license_unavailable' },
      });
      await nats.start();
      await app.ready();
      expect((await app.authorize(license.apiKey)).status).toBe(200);
      expect(await app.stop()).toBe(0);
    },
    longMs,
  );

  it(
    'does not start with a licence that was changed, and says why in one line',
    async () => {
      const [header, payload = '', signature] = readFileSync(license.licenseFile, 'utf8').split('.');
      const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as License;
      const longer = Buffer.from(JSON.stringify({ ...content, exp: content.exp + 1 })).toString('base64url');
      writeFileSync(license.licenseFile, [header, longer, signature].join('.'));
      const app = launch();
      expect(await app.ended()).toBe(1);
      expect(app.lines).toMatchObject([{ level: 'fatal', code: 'license_invalid' }]);
    },
    longMs,
  );

  it(
    'says in one line that its port is taken, or which variable is missing',
    async () => {
      await launch().ready();
      const second = launch();
      expect(await second.ended()).toBe(1);
      expect(second.lines).toMatchObject([{ level: 'fatal', code: 'port_taken' }]);

      const unconfigured = launch({ LICENSE_FILE: '', LICENSE_MODE: 'offline' });
      expect(await unconfigured.ended()).toBe(1);
      expect(unconfigured.lines).toMatchObject([
        {
          level: 'fatal',
          code: 'config_invalid',
          detail: 'LICENSE_MODE must be one of the following values: airgapped, connected; LICENSE_FILE must be set.',
        },
      ]);
    },
    longMs,
  );
});
