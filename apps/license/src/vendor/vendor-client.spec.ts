import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditAcknowledged, maxVendorRequestBytes } from '@app/licensing';
import { Authority } from '../../../../test/support/certificates';
import { ConnectProxy, RecordingEndpoint, type Reply } from '../../test/support/recording-endpoint';
import { readCa, VendorClient, type VendorClientOptions, type VendorClientSettings } from './vendor-client';
import { ProxyFailed, unreachable } from './vendor-outcome';

const folder = mkdtempSync(join(tmpdir(), 'vendor-client-'));
const authority = Authority.create(join(folder, 'ca'), 'a private authority');
const certificate = authority.issue('license.vendor.example', ['DNS:license.vendor.example', 'IP:127.0.0.1']);
const ca = readFileSync(authority.certFile, 'utf8');
afterAll(() => rmSync(folder, { recursive: true }));

const opened: { stop(): Promise<void> }[] = [];
const keep = <T extends { stop(): Promise<void> }>(server: T): T => (opened.push(server), server);
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(opened.splice(0).map((server) => server.stop()));
});

const acknowledged: Reply = { status: 200, body: '{"acknowledged":3}' };
const serve = async (reply: Reply, tls = false): Promise<RecordingEndpoint> =>
  keep(await RecordingEndpoint.start(() => reply, tls ? certificate : undefined));
const proxyTo = async (port: number, status?: number): Promise<ConnectProxy> =>
  keep(await ConnectProxy.start(port, status));

async function post(settings: Partial<VendorClientSettings>, options: VendorClientOptions = {}, request: object = {}) {
  const client = new VendorClient({ noProxy: [], ...settings }, options);
  try {
    return await client.post('/v1/audit', request, AuditAcknowledged);
  } finally {
    await client.close();
  }
}
const answered = { outcome: 'answered', answer: { acknowledged: 3 } };

describe('over TLS', () => {
  it('trusts the authority of the CA file', async () => {
    const endpoint = await serve(acknowledged, true);
    expect(await post({ licenseEndpoint: `https://127.0.0.1:${endpoint.port}` }, { ca })).toEqual(answered);
  });

  it('refuses an authority that it does not know, and sends it nothing', async () => {
    const endpoint = await serve(acknowledged, true);
    const result = await post({ licenseEndpoint: `https://127.0.0.1:${endpoint.port}` });
    expect(result).toMatchObject({ outcome: 'unreachable', reason: 'tls' });
    expect(endpoint.requests).toEqual([]);
  });

  it('refuses a certificate of another name', async () => {
    const endpoint = await serve(acknowledged, true);
    const result = await post({ licenseEndpoint: `https://localhost:${endpoint.port}` }, { ca });
    expect(result).toMatchObject({ reason: 'tls', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('names a CA file that is missing or has no certificate', async () => {
    const file = join(folder, 'empty.pem');
    writeFileSync(file, 'none');
    await expect(readCa(file)).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(readCa(join(folder, 'absent.pem'))).rejects.toThrow(/LICENSE_CA_FILE/);
    expect(await readCa(authority.certFile)).toBe(ca);
    expect(await readCa(undefined)).toBeUndefined();
  });
});

describe('with a proxy', () => {
  const licenseEndpoint = 'https://license.vendor.example/base/';

  it('reaches the endpoint by CONNECT, with the credentials of the proxy, and checks the certificate of the endpoint', async () => {
    const endpoint = await serve(acknowledged, true);
    const proxy = await proxyTo(endpoint.port);
    const httpsProxy = `http://user:pass%20word@127.0.0.1:${proxy.port}`;
    expect(await post({ licenseEndpoint, httpsProxy }, { ca })).toEqual(answered);
    expect(proxy.targets).toEqual(['license.vendor.example:443']);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:pass word').toString('base64')}`]);
    expect(endpoint.requests.map(({ path }) => path)).toEqual(['/base/v1/audit']);
    expect(endpoint.requests[0]?.head).not.toMatch(/proxy/i);
    expect(await post({ licenseEndpoint, httpsProxy })).toMatchObject({ outcome: 'unreachable', reason: 'tls' });
  });

  it.each([['127.0.0.1'], ['*'], ['other.example', '127.0.0.1']])(
    'is not used for a host of NO_PROXY: %s %s',
    async (...noProxy) => {
      const endpoint = await serve(acknowledged, true);
      const proxy = await proxyTo(endpoint.port);
      const settings = { licenseEndpoint: `https://127.0.0.1:${endpoint.port}`, noProxy };
      const httpsProxy = `http://127.0.0.1:${proxy.port}`;
      expect(await post({ ...settings, httpsProxy }, { ca })).toEqual(answered);
      expect(proxy.targets).toEqual([]);
      expect(await post({ ...settings, httpsProxy, noProxy: ['other.example'] }, { ca })).toEqual(answered);
      expect(proxy.targets).toHaveLength(1);
    },
  );

  it('takes the credentials of the proxy apart from its URL, whatever characters they have', async () => {
    const endpoint = await serve(acknowledged, true);
    const proxy = await proxyTo(endpoint.port);
    const credentials = 'user@corp:p@ss:w%rd/?#';
    const settings = { httpsProxy: `http://127.0.0.1:${proxy.port}`, httpsProxyCredentials: credentials };
    expect(await post({ licenseEndpoint, ...settings }, { ca })).toEqual(answered);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from(credentials).toString('base64')}`]);
  });

  it('says that the proxy refuses, or is not there, and nothing of its credentials', async () => {
    const proxy = await proxyTo(1, 407);
    const httpsProxy = `http://user:secret@127.0.0.1:${proxy.port}`;
    const refused = await post({ licenseEndpoint, httpsProxy }, { ca });
    expect(refused).toEqual({ outcome: 'unreachable', reason: 'proxy', detail: 'http_407' });
    await opened.pop()?.stop();
    const absent = await post({ licenseEndpoint, httpsProxy }, { ca });
    expect(absent).toEqual({ outcome: 'unreachable', reason: 'proxy', detail: 'ECONNREFUSED' });
    expect(JSON.stringify([refused, absent])).not.toContain('secret');
  });

  it('reads no variable of the environment', async () => {
    const endpoint = await serve(acknowledged);
    const url = 'http://127.0.0.1:9';
    jest.replaceProperty(process, 'env', { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url });
    expect(await post({ licenseEndpoint: `http://127.0.0.1:${endpoint.port}` })).toEqual(answered);
  });
});

describe('an answer', () => {
  it.each<[string, Reply, object]>([
    [
      'is a refusal with its code',
      { status: 402, body: '{"error_code":"license_revoked"}' },
      { outcome: 'refused', status: 402, code: 'license_revoked' },
    ],
    [
      'is a refusal without a code',
      { status: 502, body: '<html>' },
      { outcome: 'refused', status: 502, code: 'http_502' },
    ],
    [
      'has a code that is none',
      { status: 400, body: '{"error_code":"<b>"}' },
      { outcome: 'refused', status: 400, code: 'http_400' },
    ],
    [
      'redirects, which is not followed',
      { status: 307, headers: { location: '/elsewhere' } },
      { outcome: 'refused', status: 307, code: 'http_307' },
    ],
    ['is no JSON', { status: 200, body: '<html>' }, { outcome: 'unreachable', reason: 'answer' }],
    ['lacks its fields', { status: 200, body: '{"acknowledged":"3"}' }, { outcome: 'unreachable', reason: 'answer' }],
    [
      'is too long',
      { status: 200, body: `{"acknowledged":3,"more":"${'x'.repeat(100_000)}"}` },
      { outcome: 'unreachable', reason: 'answer' },
    ],
  ])('%s', async (_, reply, outcome) => {
    const endpoint = await serve(reply);
    expect(await post({ licenseEndpoint: `http://127.0.0.1:${endpoint.port}` })).toMatchObject(outcome);
    expect(endpoint.requests).toHaveLength(1);
  });

  it('that does not come is given up', async () => {
    const endpoint = await serve('hang');
    const result = await post({ licenseEndpoint: `http://127.0.0.1:${endpoint.port}` }, { timeoutMs: 50 });
    expect(result).toMatchObject({ outcome: 'unreachable', reason: 'timeout' });
  });
});

it('gives up an answer that does not end', async () => {
  const headers = { 'content-length': '1000' };
  const endpoint = await serve({ status: 200, body: '{"acknowledged":3}', headers });
  const result = await post({ licenseEndpoint: `http://127.0.0.1:${endpoint.port}` }, { timeoutMs: 50 });
  expect(result).toMatchObject({ outcome: 'unreachable', reason: 'timeout' });
});

it('does not send what the endpoint would not take', async () => {
  const endpoint = await serve(acknowledged);
  const settings = { licenseEndpoint: `http://127.0.0.1:${endpoint.port}` };
  expect(await post(settings, {}, { text: 'x'.repeat(maxVendorRequestBytes) })).toMatchObject({ status: 413 });
  expect(endpoint.requests).toEqual([]);
});

it.each([
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['ECONNREFUSED', 'connection'],
  ['UND_ERR_SOCKET', 'connection'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
])('tells %s as a failure of %s, and that of a proxy as its own', (code, reason) => {
  const error = Object.assign(new Error('with a secret'), { code });
  expect(unreachable(error)).toEqual({ outcome: 'unreachable', reason, detail: code });
  const ofProxy = unreachable(new ProxyFailed('proxy', { cause: error }));
  expect(ofProxy).toEqual({ outcome: 'unreachable', reason: reason === 'timeout' ? 'timeout' : 'proxy', detail: code });
});
