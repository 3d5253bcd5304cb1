import { defaultGrace } from '@app/licensing';
import { TtsClient } from '../../tools/client/tts-client';
import { RunningStack } from '../support/running-stack';
import { until } from '../support/until';

/** The default of REVOCATION_DELAY_MS. */
const revocationDelaySeconds = 60;
const startMs = 120_000;
const testMs = 60_000;

const spoken = {
  model_id: 'sonic-3',
  voice: { mode: 'id', id: 'piper-joe' },
  output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 22_050 },
  transcript: 'Good morning.',
};

describe('who may speak, with a real license process', () => {
  let stack: RunningStack;

  beforeAll(async () => {
    stack = await RunningStack.start({ gatewayEnv: { LICENSE_PROBE_MS: '50' } });
  }, startMs);
  afterAll(async () => {
    stack.signal('license', 'SIGCONT');
    await stack.stop();
  }, testMs);

  const call = async (path: string, key: string, body?: object): Promise<Response> => {
    const response = await fetch(`${stack.target.api}${path}`, {
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    });
    // Whole, so that the connection is free again.
    return new Response(await response.arrayBuffer(), { status: response.status, headers: response.headers });
  };
  const speak = (key: string): Promise<Response> => call('/tts/bytes', key, spoken);
  const codeOf = async (response: Response): Promise<unknown> =>
    ((await response.json()) as { error_code?: unknown }).error_code;
  const tokenFor = async (grants: object, expiresIn: number): Promise<string> => {
    const response = await call('/access-token', stack.target.apiKey, { grants, expires_in: expiresIn });
    expect(response.status).toBe(200);
    return ((await response.json()) as { token: string }).token;
  };
  const measured = (name: string, labels: Record<string, string> = {}): Promise<number> =>
    stack.metric('gateway', name, labels);

  it(
    'lets an access token do what it was granted, until it expires, and get no further token',
    async () => {
      const token = await tokenFor({ tts: true }, 3_600);
      expect((await speak(token)).status).toBe(200);
      const beyond = [
        await call('/stt', token, {}),
        await call('/voices', token),
        await call('/access-token', token, { grants: { tts: true } }),
      ];
      for (const response of beyond) {
        expect(response.status).toBe(403);
        expect(await codeOf(response)).toBe('token_not_allowed');
      }
      const brief = await tokenFor({ tts: true }, 1);
      await until(async () => (await codeOf(await call('/voices', brief))) === 'token_expired');
      expect((await speak(brief)).status).toBe(401);
    },
    testMs,
  );

  it(
    'lets a key speak up to its monthly limit, then refuses it until the next month, also after a restart',
    async () => {
      const created = await fetch(`${stack.license}/keys`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': stack.adminKey },
        body: JSON.stringify({ id: 'limited', monthlyCharacters: 2 * spoken.transcript.length }),
      });
      const { key } = (await created.json()) as { key: string };
      await until(async () => (await call('/voices', key)).status === 200);
      const client = await TtsClient.open({ ...stack.target, apiKey: key });
      expect((await speak(key)).status).toBe(200);
      expect((await speak(key)).status).toBe(200);
      let refused = await speak(key);
      await until(async () => (refused = await speak(key)).status !== 200);
      const resetAt = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1)).toISOString();
      expect(refused.status).toBe(429);
      expect(refused.headers.get('x-should-retry')).toBe('false');
      const resetInSeconds = (Date.parse(resetAt) - Date.now()) / 1_000;
      expect(Math.abs(Number(refused.headers.get('retry-after')) - resetInSeconds)).toBeLessThan(60);
      const { error_code: code, message } = (await refused.json()) as Record<string, string>;
      expect(code).toBe('quota_exceeded');
      expect(message).toMatch(/^This API key has used \d+ of 26 characters of text for \d{4}-\d{2}\./);
      expect(message).toContain(`The limit resets at ${resetAt}.`);
      const events = await client.speak('c', spoken.transcript);
      client.close();
      expect(events.map(({ event }) => event)).toMatchObject([
        { type: 'error', status_code: 429, error_code: 'quota_exceeded', message },
      ]);
      expect((await call('/voices', key)).status).toBe(200);
      expect((await speak(stack.target.apiKey)).status).toBe(200);

      let isBack = false;
      const back = stack.says('license is back').then(() => (isBack = true));
      stack.kill('license');
      const statuses: number[] = [];
      await until(async () => {
        statuses.push((await speak(key)).status);
        return isBack;
      });
      await back;
      expect(statuses.filter((status) => ![429, 503].includes(status))).toEqual([]);
      expect((await speak(key)).status).toBe(429);
    },
    testMs,
  );

  it(
    'waits once for a license process that hangs, serves whom it knows, and finds it again',
    async () => {
      const { apiKey } = stack.target;
      const stranger = 'sk_antiphon_nobody';
      expect((await speak(apiKey)).status).toBe(200);
      expect((await call('/voices', stranger)).status).toBe(401);
      const [keptBefore, timeoutsBefore] = [
        await measured('antiphon_authorize_seconds_count', { outcome: 'kept' }),
        await measured('antiphon_license_proxy_timeouts_total'),
      ];
      expect(await measured('antiphon_license_proxy_reach', { state: 'active' })).toBe(1);

      stack.signal('license', 'SIGSTOP');
      for (let i = 0; i < 10; i++) expect((await speak(apiKey)).status).toBe(200);
      const refused = await call('/voices', stranger);
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('2');
      expect(await codeOf(refused)).toBe('license_unavailable');
      expect((await measured('antiphon_license_proxy_timeouts_total')) - timeoutsBefore).toBe(1);
      expect((await measured('antiphon_authorize_seconds_count', { outcome: 'kept' })) - keptBefore).toBe(10);
      expect(await measured('antiphon_license_proxy_circuit', { state: 'closed' })).toBe(0);
      expect(await measured('antiphon_license_proxy_reach', { state: 'grace' })).toBe(1);
      const restSeconds = await measured('antiphon_license_proxy_grace_seconds');
      // A grant serves for the revocation delay and, without the license app, for the grace of the licence.
      expect(restSeconds).toBeGreaterThan(defaultGrace.proxyUnreachableSeconds);
      expect(restSeconds).toBeLessThanOrEqual(defaultGrace.proxyUnreachableSeconds + revocationDelaySeconds);

      stack.signal('license', 'SIGCONT');
      await until(async () => (await measured('antiphon_license_proxy_circuit', { state: 'closed' })) === 1);
      await until(async () => (await measured('antiphon_license_proxy_reach', { state: 'active' })) === 1);
      expect((await call('/voices', stranger)).status).toBe(401);
      expect((await measured('antiphon_license_proxy_timeouts_total')) - timeoutsBefore).toBe(1);
    },
    testMs,
  );
});
