import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryAppendLog } from '@app/broker';
import { hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import { secondsOf, testLicense } from '../../../../test/support/test-license';
import { startTestApp, type TestApp } from '../../test/support/test-app';
import { appendUsage, testUsage } from '../../test/support/test-usage';
import { ServiceStanding } from '../service-standing';
import type { MonthlyUsage } from './monthly-usage';

const keys = { admin: makeApiKey(), limited: makeApiKey(), plain: makeApiKey() };
const seeds: ApiKeyRecord[] = [
  { id: 'admin', sha256: hashApiKey(keys.admin), scopes: ['admin'] },
  { id: 'limited', sha256: hashApiKey(keys.limited), monthlyCharacters: 100, monthlyAudioSeconds: 10 },
  { id: 'plain', sha256: hashApiKey(keys.plain) },
];
const license = testLicense({
  features: ['tts', 'stt', 'catalogue'],
  limits: { monthlyCharacters: 1_000, monthlyAudioSeconds: 60 },
  exp: secondsOf('2027-01-01'),
});

let nowMs: number;
let app: NestFastifyApplication;
let testApp: TestApp;
let stream: MemoryAppendLog;
let usage: MonthlyUsage;
let records: number;

beforeEach(async () => {
  nowMs = Date.parse('2026-06-30T23:59:00Z');
  records = 0;
  const log = Log.create('license', 'silent');
  const standing = new ServiceStanding('airgapped', [license], () => ({ wallMs: nowMs, monotonicMs: 0 }));
  stream = new MemoryAppendLog();
  usage = testUsage(standing, { stream });
  testApp = await startTestApp({ standing, log, seeds, usage });
  ({ app } = testApp);
});
afterEach(() => testApp.stop());

const authorize = async (key: string, feature = 'tts') => {
  const payload = { key, feature, requestId: 'req-1' };
  const response = await app.inject({ method: 'POST', url: '/authorize', payload });
  return { status: response.statusCode, headers: response.headers, body: response.json<Record<string, unknown>>() };
};
const get = async (url: string, key = keys.admin) => {
  const response = await app.inject({ url, headers: { authorization: `Bearer ${key}` } });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
};
const use = async (change: Partial<UsageRecord>): Promise<void> => {
  await appendUsage(stream, { id: `job-${records++}`, keyId: 'limited', at: '2026-06-30T12:00:00.000Z', ...change });
  await usage.follow();
};
const speak = (characters: number, keyId = 'limited'): Promise<void> => use({ characters, keyId });
const listen = (seconds: number, keyId = 'limited'): Promise<void> =>
  use({ kind: 'stt', model: 'whisper', characters: 0, audioSamples: seconds * 16_000, sampleRateHz: 16_000, keyId });

it('grants while a key is below its limit, and refuses with the date of the reset from the limit on', async () => {
  await speak(99);
  expect((await authorize(keys.limited)).status).toBe(200);
  await speak(1);
  expect(await authorize(keys.limited)).toMatchObject({
    status: 429,
    headers: { 'retry-after': '60', 'x-should-retry': 'false' },
    body: {
      error_code: 'quota_exceeded',
      message:
        'This API key has used 100 of 100 characters of text for 2026-06. The limit resets at 2026-07-01T00:00:00.000Z.',
    },
  });
});

it('counts each feature by itself, and each key', async () => {
  await speak(100);
  expect((await authorize(keys.limited, 'stt')).status).toBe(200);
  expect((await authorize(keys.limited, 'catalogue')).status).toBe(200);
  expect((await authorize(keys.plain)).status).toBe(200);
  await listen(10.5);
  expect((await authorize(keys.limited, 'stt')).body['message']).toMatch(
    /used 10\.5 of 10 seconds of audio for 2026-06/,
  );
});

it('counts the audio of STT and the text of TTS, and nothing else', async () => {
  await use({
    kind: 'speech-activity',
    model: 'builtin',
    characters: 0,
    audioSamples: 16_000_000,
    sampleRateHz: 16_000,
  });
  await use({ kind: 'tts', characters: 1, audioSamples: 22_050 * 600 });
  await use({ kind: 'stt', characters: 200, audioSamples: 1, sampleRateHz: 16_000 });
  expect((await authorize(keys.limited)).status).toBe(200);
  expect((await authorize(keys.limited, 'stt')).status).toBe(200);
});

it('refuses every key with 402 once all together have used up the limit of the licence', async () => {
  await speak(950, 'plain');
  await speak(50, 'a-key-that-was-deleted');
  for (const key of [keys.plain, keys.limited]) {
    expect(await authorize(key)).toMatchObject({ status: 402, body: { error_code: 'license_quota_exceeded' } });
  }
  const { headers, body } = await authorize(keys.plain);
  expect(headers['retry-after']).toBe('60');
  expect(body['message']).toBe(
    'All API keys of this deployment together have used 1000 of 1000 characters of text for 2026-06. ' +
      'The limit resets at 2026-07-01T00:00:00.000Z.',
  );
  expect((await authorize(keys.plain, 'stt')).status).toBe(200);
});

it('begins anew with the month in UTC', async () => {
  await speak(100);
  await listen(60, 'plain');
  nowMs = Date.parse('2026-06-30T23:59:59.999Z');
  expect((await authorize(keys.limited)).status).toBe(429);
  expect((await authorize(keys.plain, 'stt')).headers['retry-after']).toBe('1');
  nowMs += 1;
  expect((await authorize(keys.limited)).status).toBe(200);
  expect((await authorize(keys.plain, 'stt')).status).toBe(200);
});

it('grants no limited request until the usage was read, and is not held up by it where there is no limit', async () => {
  expect(usage.isRead).toBe(false);
  expect(await authorize(keys.limited)).toMatchObject({ status: 503, body: { error_code: 'license_unavailable' } });
  expect((await authorize(keys.limited, 'catalogue')).status).toBe(200);
  await usage.follow();
  expect(usage.isRead).toBe(true);
  expect((await authorize(keys.limited)).status).toBe(200);
});

it('issues no access token for what the key has used up', async () => {
  await speak(100);
  const payload = { key: keys.limited, features: ['tts'], expiresInSeconds: 60, requestId: 'req-1' };
  const response = await app.inject({ method: 'POST', url: '/access-token', payload });
  expect([response.statusCode, response.json()]).toMatchObject([429, { error_code: 'quota_exceeded' }]);
});

describe('for an admin key', () => {
  it('lists what each key used this month, once that is known', async () => {
    expect((await get('/keys')).body['keys']).toContainEqual(expect.not.objectContaining({ usedCharacters: 0 }));
    await speak(30);
    await listen(2.5);
    await use({ at: '2026-05-01T00:00:00.000Z', characters: 7 });
    expect((await get('/keys')).body['keys']).toEqual([
      expect.objectContaining({ id: 'admin', usedCharacters: 0, usedAudioSeconds: 0 }),
      expect.objectContaining({ id: 'limited', usedCharacters: 30, usedAudioSeconds: 2.5 }),
      expect.objectContaining({ id: 'plain', usedCharacters: 0, usedAudioSeconds: 0 }),
    ]);
  });

  it('shows the usage of the present and the previous month', async () => {
    await speak(30);
    await use({ at: '2026-05-01T00:00:00.000Z', characters: 7 });
    const row = { kind: 'tts', requests: 1, audioSeconds: 1 };
    expect((await get('/usage')).body).toEqual({
      month: '2026-06',
      by: 'key',
      rows: [{ month: '2026-06', name: 'limited', characters: 30, ...row }],
    });
    expect((await get('/usage?month=2026-05&by=model')).body['rows']).toEqual([
      { month: '2026-05', name: 'piper', characters: 7, ...row },
    ]);
  });

  it.each([
    ['/usage?month=2026-04', keys.admin, 400, 'bad_request', /^month must be 2026-06 or 2026-05\./],
    ['/usage?by=voice', keys.admin, 400, 'bad_request', /^by must be key or model\.$/],
    ['/usage', keys.plain, 403, 'scope_missing', /admin/],
    ['/usage', keys.admin, 503, 'license_unavailable', /has not read the usage/],
  ])('refuses %s', async (url, key, status, code, message) => {
    expect(await get(url, key)).toMatchObject({
      status,
      body: { error_code: code, message: expect.stringMatching(message) as string },
    });
  });
});
