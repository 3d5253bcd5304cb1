import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryKeyValue } from '@app/broker';
import { defaultGrace, hashApiKey, makeApiKey } from '@app/licensing';
import { secondsOf } from '../../../../test/support/test-license';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { startTestApp, type TestApp } from '../../test/support/test-app';

const [adminKey, speechKey] = [makeApiKey(), makeApiKey()];
const seeds = [
  { id: 'admin', sha256: hashApiKey(adminKey), scopes: ['admin'] },
  { id: 'speech', sha256: hashApiKey(speechKey) },
];
const issuer = new Issuer();
const renewed = { jti: 'lic-2', iat: secondsOf('2026-05-01'), exp: secondsOf('2027-07-01') };
let files: Files;
let replica: Replica;
let app: NestFastifyApplication;
let testApp: TestApp;

beforeEach(async () => {
  files = new Files();
  files.write(await issuer.license(), issuer.pem);
  replica = await new Replica(new MemoryKeyValue(), files).prepare();
  const { standing, documents, log } = replica;
  testApp = await startTestApp({ standing, log, seeds, documents });
  ({ app } = testApp);
});
afterEach(async () => {
  await testApp.stop();
  await replica.documents.stop();
  files.remove();
});

const post = async (payload: object, key = adminKey) => {
  const headers = { authorization: `Bearer ${key}` };
  const response = await app.inject({ method: 'POST', url: '/license', payload, headers });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
};
const get = async (url: string) => {
  const response = await app.inject(url);
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
};

describe('POST /license', () => {
  beforeEach(() => replica.documents.start());

  it('installs a renewal and describes it as the status does, with no text of it in the log', async () => {
    const text = await issuer.license(renewed);
    const answer = await post({ license: text });
    expect(answer).toMatchObject({ status: 200, body: { license: { id: 'lic-2' }, inForce: true } });
    expect((await get('/status')).body['license']).toEqual(answer.body['license']);
    expect(await post({ license: text })).toEqual(answer);
    expect(replica.events).toMatchObject([['license_installed', { licenseId: 'lic-2', by: 'admin' }]]);
    expect(JSON.stringify(replica.lines)).not.toContain(text.split('.')[1]);
  });

  it('says from when a renewal is in force that was installed early', async () => {
    const text = await issuer.license({ ...renewed, nbf: secondsOf('2026-06-15') });
    const answer = await post({ license: text });
    expect(answer.body).toMatchObject({ inForce: false, inForceFrom: '2026-06-15T00:00:00.000Z' });
    expect((await get('/status')).body['license']).toMatchObject({ id: 'lic-1' });
  });

  it('refuses an older document with 409 and an unusable one with 400, each with its reason', async () => {
    const older = await post({ license: await issuer.license({ jti: 'lic-0', iat: secondsOf('2025-12-01') }) });
    expect(older).toMatchObject({ status: 409, body: { error_code: 'license_conflict' } });
    expect(older.body['message']).toMatch(/lic-1 is newer/);
    const damaged = await post({ license: 'eyJh.eyJh.eyJh' });
    expect(damaged).toMatchObject({ status: 400, body: { error_code: 'license_invalid' } });
    expect((await get('/status')).body['license']).toMatchObject({ id: 'lic-1' });
  });

  it.each([{}, { license: 5 }, { license: '' }, { license: 'x', force: true }])('refuses the body %j', async (body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { error_code: 'bad_request' } });
  });

  it('takes admin keys only', async () => {
    const license = await issuer.license(renewed);
    expect(await post({ license }, speechKey)).toMatchObject({ status: 403, body: { error_code: 'scope_missing' } });
    expect(await post({ license }, makeApiKey())).toMatchObject({ status: 401, body: { error_code: 'key_unknown' } });
  });
});

describe('GET /license/forecast', () => {
  it('shows now and each coming transition with its date and what a new request gets, as docs/licensing-install.md has it', async () => {
    await replica.documents.start();
    const license = { iat: secondsOf('2026-02-01'), grace: defaultGrace };
    await replica.documents.install(await issuer.license(license), 'admin');
    const page = readFileSync(join(__dirname, '../../../../docs/licensing-install.md'), 'utf8');
    const [, example = ''] = /```json\n([\s\S]*?)\n```/.exec(page) ?? [];
    expect(await get('/license/forecast')).toEqual({ status: 200, body: JSON.parse(example) as unknown });
  });

  it('shows a renewal that waits, and needs no key', async () => {
    await replica.documents.start();
    await post({ license: await issuer.license({ ...renewed, nbf: secondsOf('2026-06-15') }) });
    const { transitions } = (await get('/license/forecast')).body as { transitions: unknown[] };
    expect(transitions[0]).toMatchObject({ at: '2026-06-15T00:00:00.000Z', state: 'active', licenseId: 'lic-2' });
  });

  it('promises nothing before the mark was read', async () => {
    const answer = await get('/license/forecast');
    expect(answer).toMatchObject({ status: 503, body: { error_code: 'license_unavailable' } });
  });
});

it('shows the mark in the status once the clock has settled', async () => {
  await replica.documents.start();
  expect((await get('/status')).body).not.toHaveProperty('highWaterMark');
  await replica.pass(0);
  await replica.pass(600_000);
  expect((await get('/status')).body['highWaterMark']).toBe('2026-06-01T12:10:00.000Z');
});
