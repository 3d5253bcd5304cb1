import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Log, Tracing } from '@app/platform';
import { problems } from '@app/protocol';
import { until } from '../../../../test/support/until';
import { GatewayConfig } from '../gateway.config';
import type { GatewayMetrics } from '../metrics/gateway-metrics';
import type { LicenseProxyMetrics } from '../metrics/license-proxy-metrics';
import { LicenseClient } from './license.client';

const request = { key: 'sk_test', feature: 'tts' as const, requestId: 'req-1' };

let server: Server;
let answer: { status: number; body: object; headers?: Record<string, string> };
let client: LicenseClient;
let outcomes: string[];
let asked: number;
/** Calls that are being held, while the license app hangs. */
let held: ServerResponse[];
let hangs: boolean;
const states = { circuit: [] as string[], reach: [] as string[], timeouts: 0 };

beforeEach(async () => {
  answer = { status: 200, body: { keyId: 'k', validForMs: 60_000 } };
  [asked, held, hangs, outcomes] = [0, [], false, []];
  server = createServer((incoming, response) => {
    if (incoming.url === '/authorize') asked++;
    if (hangs) held.push(response);
    else send(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect({});
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

const send = (response: ServerResponse): void => {
  response.writeHead(answer.status, { connection: 'close', ...answer.headers }).end(JSON.stringify(answer.body));
};

function connect(settings: Partial<GatewayConfig>): LicenseClient {
  Object.assign(states, { circuit: [], reach: [], timeouts: 0 });
  const licenseProxyUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = Object.assign(new GatewayConfig(), { licenseProxyUrl, licenseTimeoutMs: 5_000, ...settings });
  const metrics = { authorized: (outcome: string) => outcomes.push(outcome) } as unknown as GatewayMetrics;
  const proxyMetrics = {
    circuit: (state: string) => states.circuit.push(state),
    reach: (state: string) => states.reach.push(state),
    timedOut: () => states.timeouts++,
  } as unknown as LicenseProxyMetrics;
  return new LicenseClient(config, metrics, proxyMetrics, Tracing.off(), Log.create('gateway', 'silent'));
}

it('grants by an earlier answer while the license app is away, and counts it as such', async () => {
  await client.authorize(request);
  server.close();
  await once(server, 'close');
  expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
  expect(outcomes).toEqual(['granted', 'kept']);
  expect(states.reach).toEqual(['active', 'grace']);
});

it('keeps an answer for the revocation delay and the grace that it names, and no longer', async () => {
  let nowMs = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  try {
    answer.body = { keyId: 'k', validForMs: 1_000, graceMs: 2_000 };
    await client.authorize(request);
    answer = { status: 500, body: {} };
    nowMs = 2_999;
    expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
    nowMs = 3_000;
    await expect(client.authorize(request)).rejects.toMatchObject({
      code: 'license_unavailable',
      retryAfterSeconds: 2,
    });
    expect(states.reach.at(-1)).toBe('refused');
  } finally {
    clock.mockRestore();
  }
});

it('takes a license app without NATS, which grants nothing, as one that does not answer', async () => {
  await client.authorize(request);
  answer = { status: 503, body: { error_code: 'license_unavailable' } };
  expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
  expect([outcomes.at(-1), states.reach.at(-1)]).toEqual(['kept', 'grace']);
  await expect(client.authorize({ ...request, key: 'stranger' })).rejects.toMatchObject({
    code: 'license_unavailable',
    retryAfterSeconds: 2,
  });
  expect(states).toMatchObject({ timeouts: 0, circuit: [] });
});

it('passes on that the audit log is full, whatever was granted earlier, and asks again', async () => {
  await client.authorize(request);
  answer = { status: 503, body: { error_code: 'audit_log_full' } };
  await expect(client.authorize(request)).rejects.toMatchObject({ code: 'audit_log_full' });
  expect([outcomes.at(-1), states.reach.at(-1), states.circuit]).toEqual(['audit_log_full', 'active', []]);
  answer = { status: 200, body: { keyId: 'k', validForMs: 1_000, graceMs: 0 } };
  expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
});

it('takes the grant of an opening connection for the work on it, and not the other way round', async () => {
  await client.authorize(request);
  await client.authorize({ ...request, feature: 'stt', connected: true });
  answer = { status: 500, body: {} };
  expect(await client.authorize({ ...request, connected: true })).toMatchObject({ keyId: 'k' });
  await expect(client.authorize({ ...request, feature: 'stt' })).rejects.toMatchObject({ code: 'license_unavailable' });
});

it('takes the grant of an opening socket, which names no model, for the contexts on it', async () => {
  await client.authorize(request);
  answer = { status: 500, body: {} };
  expect(await client.authorize({ ...request, model: 'piper', connected: true })).toMatchObject({ keyId: 'k' });
  await expect(client.authorize({ ...request, model: 'piper' })).rejects.toMatchObject({ code: 'license_unavailable' });
});

it.each([
  [429, 'quota_exceeded'],
  [402, 'license_quota_exceeded'],
])('passes a refusal with %d %s on, and serves what was used up by no earlier grant', async (status, code) => {
  const stt = { ...request, feature: 'stt' as const };
  for (const each of [request, { ...request, model: 'piper', connected: true }, stt]) await client.authorize(each);
  const message = 'This API key has used 100 of 100 characters of text for 2026-11.';
  answer = { status, body: { error_code: code, message }, headers: { 'retry-after': '86400' } };
  await expect(client.authorize(request)).rejects.toMatchObject({ code, detail: message, retryAfterSeconds: 86_400 });
  answer = { status: 500, body: {} };
  for (const each of [request, { ...request, model: 'piper', connected: true }]) {
    await expect(client.authorize(each)).rejects.toMatchObject({ code: 'license_unavailable' });
  }
  expect(await client.authorize(stt)).toMatchObject({ keyId: 'k' });
});

it.each([[{}], [{ message: 7 }], [{ message: '' }]])(
  'says by itself what a refusal means that says %j',
  async (said) => {
    answer = { status: 429, body: { error_code: 'quota_exceeded', ...said }, headers: { 'retry-after': 'soon' } };
    await expect(client.authorize(request)).rejects.toMatchObject({
      detail: problems.quota_exceeded.message,
      retryAfterSeconds: undefined,
    });
  },
);

it('serves a feature by no earlier grant once it was refused for work on a socket, whatever the model', async () => {
  const work = { ...request, model: 'piper', connected: true };
  for (const each of [request, { ...request, model: 'kokoro' }]) await client.authorize(each);
  answer = { status: 403, body: { error_code: 'feature_not_licensed' } };
  await expect(client.authorize(work)).rejects.toMatchObject({ code: 'feature_not_licensed' });
  answer = { status: 500, body: {} };
  for (const each of [request, { ...request, model: 'kokoro' }, work]) {
    await expect(client.authorize(each)).rejects.toMatchObject({ code: 'license_unavailable' });
  }
});

it('forgets all grants of a key that is refused as such, and one grant of a key that may not do one thing', async () => {
  const stt = { ...request, feature: 'stt' as const };
  const away = { status: 500, body: {} };
  const refused = { code: 'license_unavailable' };
  for (const each of [request, stt]) await client.authorize(each);
  answer = { status: 403, body: { error_code: 'feature_not_licensed' } };
  await expect(client.authorize(stt)).rejects.toMatchObject({ code: 'feature_not_licensed' });
  answer = away;
  await expect(client.authorize(stt)).rejects.toMatchObject(refused);
  expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
  answer = { status: 401, body: { error_code: 'key_unknown' } };
  await expect(client.authorize(stt)).rejects.toMatchObject({ code: 'key_unknown' });
  answer = away;
  await expect(client.authorize(request)).rejects.toMatchObject(refused);
});

it('refuses whom it has no answer for', async () => {
  server.close();
  await once(server, 'close');
  await expect(client.authorize(request)).rejects.toMatchObject({ code: 'license_unavailable' });
  expect(outcomes).toEqual(['license_unavailable']);
});

it('forgets an earlier grant when the license app refuses', async () => {
  await client.authorize(request);
  answer = { status: 401, body: { error_code: 'key_unknown' } };
  await expect(client.authorize(request)).rejects.toMatchObject({ code: 'key_unknown' });
  answer = { status: 500, body: {} };
  await expect(client.authorize(request)).rejects.toMatchObject({ code: 'license_unavailable' });
  expect(outcomes).toEqual(['granted', 'key_unknown', 'license_unavailable']);
});

it('asks once for concurrent requests of one key and feature, and again after that', async () => {
  const alike = Array.from({ length: 20 }, (_, index) => ({ ...request, requestId: `req-${index}` }));
  const grants = await Promise.all(alike.map((each) => client.authorize(each)));
  expect(grants).toHaveLength(20);
  expect(asked).toBe(1);
  await Promise.all(
    [request, { ...request, feature: 'stt' as const }, { ...request, key: 'other' }].map((each) =>
      client.authorize(each),
    ),
  );
  expect(asked).toBe(4);
});

describe('a license app that hangs', () => {
  beforeEach(() => {
    client.close();
    client = connect({ licenseTimeoutMs: 100, licenseProbeMs: 20 });
  });

  it('costs one time-out, after which nobody waits until a probe is answered', async () => {
    await client.authorize(request);
    hangs = true;
    const [known, ...strangers] = await Promise.allSettled([
      client.authorize(request),
      ...['a', 'b', 'c'].map((key) => client.authorize({ ...request, key })),
    ]);
    expect(known).toMatchObject({ status: 'fulfilled' });
    for (const stranger of strangers) expect(stranger).toMatchObject({ reason: { code: 'license_unavailable' } });
    const askedBefore = asked;
    for (let i = 0; i < 10; i++) expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
    await expect(client.authorize({ ...request, key: 'd' })).rejects.toMatchObject({ code: 'license_unavailable' });
    expect(asked).toBe(askedBefore);
    expect(states).toMatchObject({ timeouts: 1, circuit: expect.arrayContaining(['open']) as string[] });

    hangs = false;
    held.forEach(send);
    await until(() => states.circuit.at(-1) === 'closed' && states.reach.at(-1) === 'active');
    expect(states.circuit.slice(-2)).toEqual(['half_open', 'closed']);
    await client.authorize({ ...request, key: 'd' });
    expect(outcomes.at(-1)).toBe('granted');
  });

  it('stays cut off where a request times out while a probe is on its way', async () => {
    answer = { status: 500, body: {} };
    await expect(client.authorize(request)).rejects.toMatchObject({ code: 'license_unavailable' });
    hangs = true;
    await expect(client.authorize(request)).rejects.toMatchObject({ code: 'license_unavailable' });
    await until(() => states.circuit.filter((state) => state === 'half_open').length > 1);
    expect(states.circuit.slice(states.circuit.indexOf('open'))).not.toContain('closed');
    expect(states.timeouts).toBeLessThanOrEqual(1);
  });

  it('stays cut off while its probes are not answered', async () => {
    hangs = true;
    await expect(client.authorize(request)).rejects.toMatchObject({ code: 'license_unavailable' });
    await until(() => states.circuit.filter((state) => state === 'open').length > 2);
    expect(states).toMatchObject({ timeouts: 1 });
    expect(asked).toBe(1);
  });
});
