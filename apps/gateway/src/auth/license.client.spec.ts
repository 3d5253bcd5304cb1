import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Tracing } from '@app/platform';
import type { GatewayConfig } from '../gateway.config';
import type { GatewayMetrics } from '../metrics/gateway-metrics';
import { LicenseClient } from './license.client';

const request = { key: 'sk_test', feature: 'tts' as const, requestId: 'req-1' };

let server: Server;
let answer: { status: number; body: object };
let client: LicenseClient;
let outcomes: string[];

beforeEach(async () => {
  answer = { status: 200, body: { keyId: 'k', validForMs: 60_000 } };
  server = createServer((_, response) => {
    response.writeHead(answer.status, { connection: 'close' }).end(JSON.stringify(answer.body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  outcomes = [];
  const config = {
    licenseProxyUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    licenseTimeoutMs: 5_000,
  } as GatewayConfig;
  const metrics = { authorized: (outcome: string) => outcomes.push(outcome) } as unknown as GatewayMetrics;
  client = new LicenseClient(config, metrics, Tracing.off());
});
afterEach(() => {
  client.close();
  server.close();
});

it('grants by an earlier answer while the license app is away, and counts it as such', async () => {
  await client.authorize(request);
  server.close();
  await once(server, 'close');
  expect(await client.authorize(request)).toMatchObject({ keyId: 'k' });
  expect(outcomes).toEqual(['granted', 'kept']);
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
