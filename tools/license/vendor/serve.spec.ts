import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestEndpoint } from '../../../test/support/license-endpoint';
import { Log } from '@app/platform';
import { main } from '../../license';
import { serveOptions, startEndpoint } from './serve';

let endpoint: TestEndpoint;
beforeEach(async () => {
  endpoint = await TestEndpoint.start();
});
afterEach(() => endpoint.stop());

describe('a start', () => {
  it('on a folder that another endpoint serves is refused', async () => {
    await expect(endpoint.serve()).rejects.toThrow(/serves this folder\. Stop it first/);
    await endpoint.restart();
  });

  it('on a folder whose endpoint was killed goes on', async () => {
    const lock = join(endpoint.folder, 'serve.lock');
    // Above the highest process id of Linux.
    await endpoint.restart(() => writeFileSync(lock, `${2 ** 22 + 1} ${hostname()} x\n`));
    expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it('waits for the lock of another host until it is a minute old', async () => {
    const lock = join(endpoint.folder, 'serve.lock');
    const restarted = endpoint.restart(() => writeFileSync(lock, `1 ${hostname()}-other x\n`));
    await expect(restarted).rejects.toThrow(/^bad_request: Process 1 on .*-other serves this folder/);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(lock, anHourAgo, anHourAgo);
    await endpoint.restart();
    expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it.each([
    [['--port', '8443'], /--folder is missing/],
    [['--folder', 'absent'], /absent\/issuer-private\.pem does not exist\. Make the keys .*npm run license -- keys/],
    [['--folder', '.', '--tls-cert', 'cert.pem'], /--tls-cert and --tls-key/],
    [['--folder', '.', '--port', '70000'], /--port takes a whole number from 0 to 65535/],
    [['--folder', '.', '--lease-hours', '1', '--check-in-seconds', '3600'], /must be less than the length of a lease/],
  ])('with %j says what to do', async (options, reason) => {
    expect(await main(['serve', ...options], endpoint.folder)).toBe(1);
    expect(endpoint.lines.join('\n')).toMatch(reason);
    expect(readdirSync(endpoint.folder)).not.toContain('absent');
  });

  it('with a key that is not Ed25519 is refused', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(createPrivateKey(key).asymmetricKeyType).toBe('ec');
    writeFileSync(join(endpoint.folder, 'ec.pem'), key);
    expect(
      await main(['serve', '--folder', endpoint.folder, '--key', join(endpoint.folder, 'ec.pem')], endpoint.folder),
    ).toBe(1);
    expect(endpoint.lines.join('\n')).toMatch(/is not an Ed25519 key/);
  });
});

describe('an endpoint with a certificate', () => {
  it('speaks TLS', async () => {
    const [cert, key] = [join(endpoint.folder, 'cert.pem'), join(endpoint.folder, 'key.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', ...made, ...names], { stdio: 'ignore' });
    const another = mkdtempSync(join(tmpdir(), 'license-endpoint-tls-'));
    const options = serveOptions(
      ['--folder', another, '--key', join(endpoint.folder, 'issuer-private.pem'), '--port', '0'].concat([
        '--tls-cert',
        cert,
        '--tls-key',
        key,
      ]),
      '/',
    );
    const running = await startEndpoint(options, { log: Log.create('test', 'silent') });
    try {
      expect(running.url).toMatch(/^https:/);
      const status = await new Promise((resolve, reject) => {
        const request = get(`${running.url}/healthz`, { ca: readFileSync(cert) }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode));
        });
        request.once('error', reject);
      });
      expect(status).toBe(200);
    } finally {
      await running.close();
      rmSync(another, { recursive: true });
    }
  });
});
