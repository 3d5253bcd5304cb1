import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { clockSettleMs, defaultGrace, hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { testLicense } from '../../../test/support/test-license';
import { startTestApp, type TestApp } from '../test/support/test-app';
import { ServiceStanding } from './service-standing';

const [plainKey, limitedKey] = [makeApiKey(), makeApiKey()];
const records: ApiKeyRecord[] = [
  { id: 'plain', sha256: hashApiKey(plainKey) },
  { id: 'limited', sha256: hashApiKey(limitedKey), scopes: ['catalogue'], maxConcurrent: 2 },
];
const license = testLicense({
  features: ['tts', 'catalogue'],
  models: ['piper'],
  limits: { maxConcurrent: 10 },
  grace: { ...defaultGrace, expiryDays: 1 },
});

const inTime = Date.parse('2026-06-01T12:00:00Z');
let nowMs: number;
let monotonicMs: number;
let clockReadings: number;
let app: NestFastifyApplication;
let testApp: TestApp;
const lines: Record<string, unknown>[] = [];

beforeEach(async () => {
  nowMs = inTime;
  monotonicMs = 0;
  lines.splice(0);
  const log = Log.create('license', 'info', {
    write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]),
  });
  const standing = new ServiceStanding('airgapped', [license], () => {
    clockReadings += 1;
    return { wallMs: nowMs, monotonicMs };
  });
  testApp = await startTestApp({ standing, log, seeds: records });
  ({ app } = testApp);
});
afterEach(() => testApp.stop());

const authorize = async (key: string, feature: string, requestId = 'req-1', model = 'piper') => {
  const payload = { key, feature, model, requestId };
  const headers = { 'x-request-id': requestId };
  const response = await app.inject({ method: 'POST', url: '/authorize', payload, headers });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
};

it('grants what key and licence have, and says for how long the answer holds', async () => {
  expect(await authorize(plainKey, 'tts')).toEqual({
    status: 200,
    body: { keyId: 'plain', maxConcurrent: 10, models: ['piper'], validForMs: 60_000, graceMs: 900_000 },
  });
});

it('gives the lower of the limits of key and licence', async () => {
  expect((await authorize(limitedKey, 'catalogue')).body).toMatchObject({ keyId: 'limited', maxConcurrent: 2 });
});

it.each([
  ['an unknown key', makeApiKey(), 'tts', 401, 'key_unknown'],
  ['a feature that the licence lacks', plainKey, 'stt', 403, 'feature_not_licensed'],
  ['a feature that the key lacks', limitedKey, 'tts', 403, 'scope_missing'],
  ['a function that is newer than the licence', plainKey, 'speech-activity', 403, 'feature_not_licensed'],
  ['a feature that does not exist', plainKey, 'dancing', 400, 'bad_request'],
])('refuses %s', async (_what, key, feature, status, code) => {
  const answer = await authorize(key, feature);
  expect(answer).toMatchObject({ status, body: { error_code: code, request_id: 'req-1' } });
});

it('refuses with 402 once the licence and its grace are over, and not an hour before', async () => {
  nowMs = Date.parse('2026-07-01T23:00:00Z');
  expect((await authorize(plainKey, 'tts')).status).toBe(200);
  nowMs = Date.parse('2026-07-02T00:00:00Z');
  expect(await authorize(plainKey, 'tts')).toMatchObject({ status: 402, body: { error_code: 'license_expired' } });
});

it('refuses a model that the licence does not name', async () => {
  const answer = await authorize(plainKey, 'tts', 'req-1', 'kokoro');
  expect(answer).toMatchObject({ status: 403, body: { error_code: 'model_not_licensed' } });
});

it('does not fall for a clock that is set back', async () => {
  nowMs = Date.parse('2026-08-01T00:00:00Z');
  expect((await authorize(plainKey, 'tts')).status).toBe(402);
  monotonicMs += clockSettleMs;
  nowMs += clockSettleMs;
  expect((await authorize(plainKey, 'tts')).status).toBe(402);
  nowMs = inTime;
  expect((await authorize(plainKey, 'tts')).status).toBe(402);
});

it('lets no answer be kept beyond the end of the licence', async () => {
  nowMs = Date.parse('2026-07-01T23:59:58Z');
  expect((await authorize(plainKey, 'tts')).body).toMatchObject({ validForMs: 2_000, graceMs: 0 });
});

it('reads the clock and the licence once for a decision', async () => {
  clockReadings = 0;
  await authorize(plainKey, 'tts');
  expect(clockReadings).toBe(1);
});

it('shows holder, features, end and state, and no secret', async () => {
  const response = await app.inject('/status');
  expect(response.json()).toMatchObject({
    mode: 'airgapped',
    service: { state: 'active', until: '2026-07-01T00:00:00.000Z' },
    grantsForSeconds: 30.5 * 86_400,
    license: {
      id: 'lic-1',
      holder: 'Example Ltd',
      features: ['tts', 'catalogue'],
      issued: '2026-01-01T00:00:00.000Z',
      expires: '2026-07-01T00:00:00.000Z',
      grace: { expiryDays: 1 },
    },
    keys: 2,
  });
  for (const { sha256 } of records) expect(response.body).not.toContain(sha256);
});

it('logs each decision with the request id and the key id, never the key', async () => {
  await authorize(plainKey, 'tts', 'req-7');
  await authorize(makeApiKey(), 'tts', 'req-8');
  const decisions = lines.filter((line) => line['msg'] === 'authorisation');
  expect(decisions).toMatchObject([
    { requestId: 'req-7', keyId: 'plain', outcome: 'granted', feature: 'tts', model: 'piper' },
    { requestId: 'req-8', outcome: 'key_unknown' },
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/sk_antiphon_/);
});

it('measures each decision and serves the metrics on the same port', async () => {
  const granted = async (): Promise<number> => {
    const { body } = await app.inject('/metrics');
    return Number(/antiphon_license_requests_total\{outcome="granted"\} (\d+)/.exec(body)?.[1] ?? 0);
  };
  const before = await granted();
  await authorize(plainKey, 'tts');
  expect(await granted()).toBe(before + 1);
});
