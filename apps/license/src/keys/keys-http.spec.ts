import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryKeyValue } from '@app/broker';
import { apiKeyPattern, defaultGrace, hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { testLicense } from '../../../../test/support/test-license';
import { startTestApp, type TestApp } from '../../test/support/test-app';
import { ServiceStanding } from '../service-standing';

const [adminKey, speechKey, expiredAdminKey] = [makeApiKey(), makeApiKey(), makeApiKey()];
const seeds: ApiKeyRecord[] = [
  { id: 'admin', sha256: hashApiKey(adminKey), scopes: ['admin'] },
  { id: 'speech', sha256: hashApiKey(speechKey) },
  { id: 'late', sha256: hashApiKey(expiredAdminKey), scopes: ['admin'], expiresAt: '2026-05-01' },
];
const license = testLicense({
  features: ['tts', 'stt'],
  grace: { ...defaultGrace, expiryDays: 0 },
});

let nowMs: number;
let monotonicMs: number;
let app: NestFastifyApplication;
let testApp: TestApp;
let store: MemoryKeyValue;
let lines: string[];

beforeEach(async () => {
  nowMs = Date.parse('2026-06-01T12:00:00Z');
  monotonicMs = 0;
  lines = [];
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  store = new MemoryKeyValue();
  const standing = new ServiceStanding('airgapped', [license], () => ({ wallMs: nowMs, monotonicMs }));
  testApp = await startTestApp({ standing, log, seeds, keyStore: store });
  ({ app } = testApp);
});
afterEach(() => testApp.stop());

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Record<string, unknown>;
}

async function call(method: 'GET' | 'POST', url: string, payload?: object, headers = as(adminKey)): Promise<Answer> {
  const response = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const authorize = (key: string, feature = 'tts') =>
  call('POST', '/authorize', { key, feature, requestId: 'req-1' }, {});
const create = async (payload: object): Promise<string> => (await call('POST', '/keys', payload)).body['key'] as string;

describe('the API of keys', () => {
  it('creates a key that works at once and is shown once', async () => {
    const { status, headers, body } = await call('POST', '/keys', { id: 'client', scopes: ['tts'], maxConcurrent: 2 });
    expect([status, headers['cache-control']]).toEqual([201, 'no-store']);
    const { key, ...view } = body;
    expect(key).toMatch(apiKeyPattern);
    expect(view).toEqual({
      id: 'client',
      state: 'active',
      scopes: ['tts'],
      maxConcurrent: 2,
      createdAt: '2026-06-01T12:00:00.000Z',
      inSeedFile: false,
    });
    expect((await authorize(key as string)).body).toMatchObject({ keyId: 'client', maxConcurrent: 2 });
    const list = await call('GET', '/keys');
    expect(list.body).toMatchObject({ keys: [{ id: 'admin' }, { id: 'client' }, { id: 'late' }, { id: 'speech' }] });
    expect(JSON.stringify(list.body)).not.toMatch(/sk_antiphon_|[0-9a-f]{64}/);
  });

  it('rotates a key with an overlap of a day where no body says otherwise', async () => {
    const old = await create({ id: 'client' });
    const { status, headers, body } = await call('POST', '/keys/client/rotate');
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(body).toMatchObject({ id: 'client', previousValidUntil: '2026-06-02T12:00:00.000Z' });
    expect((await authorize(old)).status).toBe(200);
    nowMs += 86_400_000;
    expect(await authorize(old)).toMatchObject({ status: 401, body: { error_code: 'key_revoked' } });
    expect((await authorize(body['key'] as string)).body).toMatchObject({ keyId: 'client' });
  });

  it('revokes a key at once', async () => {
    const key = await create({ id: 'client' });
    expect(await call('POST', '/keys/client/revoke')).toMatchObject({ status: 200, body: { state: 'revoked' } });
    expect(await authorize(key)).toMatchObject({ status: 401, body: { error_code: 'key_revoked' } });
  });

  it.each([
    ['no key', {}, 401, 'key_missing'],
    ['an unknown key', as(makeApiKey()), 401, 'key_unknown'],
    ['a key without the scope admin', as(speechKey), 403, 'scope_missing'],
    ['an admin key that has expired', as(expiredAdminKey), 401, 'key_expired'],
  ])('refuses %s on every route', async (_what, headers, status, code) => {
    for (const [method, url] of [
      ['GET', '/keys'],
      ['POST', '/keys'],
      ['POST', '/keys/speech/rotate'],
      ['POST', '/keys/speech/revoke'],
    ] as const) {
      expect(await call(method, url, undefined, headers)).toMatchObject({ status, body: { error_code: code } });
    }
    expect((await authorize(speechKey)).status).toBe(200);
  });

  it('takes an admin key as X-API-Key too, and not from the query', async () => {
    expect((await call('GET', '/keys', undefined, { 'x-api-key': adminKey })).status).toBe(200);
    expect((await call('GET', `/keys?api_key=${adminKey}`, undefined, {})).body).toMatchObject({
      error_code: 'key_missing',
      message: 'Send an API key with the scope admin as Authorization: Bearer or as X-API-Key.',
    });
  });

  it('serves an admin key after the licence has expired', async () => {
    nowMs = Date.parse('2027-01-01T00:00:00Z');
    expect((await authorize(speechKey)).status).toBe(402);
    expect((await call('GET', '/keys')).status).toBe(200);
  });

  it.each([
    [{}, /^id must have 1 to 64 letters/],
    [{ id: 'a b' }, /^id must have/],
    [{ id: 'a', scopes: ['dancing'] }, /^each value in scopes must be one of the following values: .*tts.*, admin\./],
    [{ id: 'a', scopes: [] }, /^scopes must contain at least 1/],
    [{ id: 'a', maxConcurrent: 0 }, /^maxConcurrent must not be less than 1/],
    [{ id: 'a', monthlyCharacters: 1.5 }, /^monthlyCharacters must be an integer/],
    [{ id: 'a', monthlyAudio: 5 }, /^property monthlyAudio should not exist/],
    [{ id: 'a', expiresAt: 'soon' }, /expiresAt must be a date such as/],
    [{ id: 'a', expiresAt: '2026-01-01' }, /^expiresAt must be in the future/],
  ])('refuses to create %p, and says why', async (payload, reason) => {
    const { status, body } = await call('POST', '/keys', payload);
    expect([status, body['error_code']]).toEqual([400, 'bad_request']);
    expect(body['message']).toMatch(reason);
  });

  it.each([
    [{ overlapSeconds: -1 }, /^overlapSeconds must not be less than 0/],
    [{ overlapSeconds: 2_592_001 }, /^overlapSeconds must not be greater than 2592000/],
    [{ overlap: 5 }, /^property overlap should not exist/],
  ])('refuses to rotate with %p, and says why', async (payload, reason) => {
    const { status, body } = await call('POST', '/keys/speech/rotate', payload);
    expect(status).toBe(400);
    expect(body['message']).toMatch(reason);
  });

  it('answers 409 for an id that is taken, and 404 for one that is not there', async () => {
    expect(await call('POST', '/keys', { id: 'speech' })).toMatchObject({
      status: 409,
      body: { error_code: 'key_conflict' },
    });
    for (const id of ['nobody', 'no%20id', 'a.b.*']) {
      expect(await call('POST', `/keys/${id}/revoke`)).toMatchObject({
        status: 404,
        body: { error_code: 'not_found' },
      });
    }
  });

  it('answers 503 while NATS is away, and creates nothing', async () => {
    store.disconnect();
    expect(await call('POST', '/keys', { id: 'client' })).toMatchObject({
      status: 503,
      body: { error_code: 'bus_unavailable' },
    });
    store.reconnect();
    expect((await call('GET', '/keys')).body['keys']).toHaveLength(seeds.length);
  });

  it('logs who changed which key, and never a key or its hash', async () => {
    const keys = [await create({ id: 'client' })];
    keys.push((await call('POST', '/keys/client/rotate', { overlapSeconds: 5 })).body['key'] as string);
    await call('POST', '/keys/client/revoke');
    await call('GET', '/keys', undefined, as(speechKey));
    const changes = lines.map((line) => JSON.parse(line) as { msg: string; keyId?: string; by?: string });
    expect(changes.filter(({ by }) => by !== undefined)).toMatchObject([
      { msg: 'API key created', keyId: 'client', by: 'admin' },
      { msg: 'API key rotated', keyId: 'client', by: 'admin', overlapSeconds: 5 },
      { msg: 'API key revoked', keyId: 'client', by: 'admin' },
    ]);
    expect(lines.join('')).not.toMatch(/sk_antiphon_/);
    for (const key of [...keys, adminKey]) expect(lines.join('')).not.toContain(hashApiKey(key));
  });
});

describe('an authorisation', () => {
  it('is not to be kept beyond the expiry of the key', async () => {
    const key = await create({ id: 'client', expiresAt: '2026-06-01T12:00:30Z' });
    expect((await authorize(key)).body).toMatchObject({ validForMs: 30_000 });
    nowMs += 30_000;
    expect(await authorize(key)).toMatchObject({ status: 401, body: { error_code: 'key_expired' } });
  });

  it('is not to be kept beyond the overlap of a rotated key', async () => {
    const key = await create({ id: 'client' });
    await call('POST', '/keys/client/rotate', { overlapSeconds: 20 });
    expect((await authorize(key)).body).toMatchObject({ validForMs: 20_000 });
  });

  it('is not to be had with an admin key that has no other scope', async () => {
    expect(await authorize(adminKey)).toMatchObject({ status: 403, body: { error_code: 'scope_missing' } });
  });
});
