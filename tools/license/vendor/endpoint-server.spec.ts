import { connect } from 'node:net';
import { signed, TestEndpoint } from '../../../test/support/license-endpoint';

let endpoint: TestEndpoint;
beforeEach(async () => {
  endpoint = await TestEndpoint.start();
});
afterEach(() => endpoint.stop());

describe('hostile requests', () => {
  it.each(['../prod-1', '..', '.', 'a/b', 'a\\b', 'a\u0000b', '@unnamed', '', 'ü', 'a'.repeat(65), 5, ['a'], {}])(
    'with the deployment %j are refused',
    async (deployment) => {
      const answer = await endpoint.post(
        '/v1/check-in',
        await endpoint.checkInBody({ license: await signed({}), deployment }),
      );
      expect(answer).toMatchObject({ status: 400, body: { error_code: 'bad_request' } });
      expect(endpoint.hasStored()).toBe(false);
    },
  );

  it.each([
    ['deep JSON', '['.repeat(100_000), /at most 8 levels of nesting/],
    ['many fields', `{${'"a":1,'.repeat(20_001)}"b":1}`, /at most 20000 fields/],
    ['no JSON', '{', /Send valid JSON/],
    ['no object', '[]', /Send a JSON object/],
    ['null', 'null', /Send a JSON object/],
    ['nothing', '{}', /license must be/],
  ])('with %s are refused', async (_what, body, reason) => {
    const answer = await endpoint.post('/v1/audit', body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(reason);
  });

  it('with more than 2 MiB are refused, and the endpoint goes on', async () => {
    const answer = await endpoint.post('/v1/audit', ' '.repeat(2 * 1_024 * 1_024 + 1));
    expect(answer).toMatchObject({ status: 413, body: { error_code: 'too_large' } });
    expect((await endpoint.lease()).license).toBe('lic-1');
  });

  it('of other types, methods and paths are refused', async () => {
    const statusOf = async (path: string, init: RequestInit): Promise<number> =>
      (await fetch(`${endpoint.url}${path}`, init)).status;
    const headers = { 'content-type': 'application/json' };
    expect(await statusOf('/v1/check-in', { method: 'POST', body: '{}' })).toBe(415);
    const gzip = { ...headers, 'content-encoding': 'gzip' };
    expect(await statusOf('/v1/check-in', { method: 'POST', headers: gzip, body: '{}' })).toBe(415);
    expect(await statusOf('/v1/check-in', {})).toBe(404);
    expect(await statusOf('/v1/lease', { method: 'POST', headers, body: '{}' })).toBe(404);
    expect(await statusOf('/constructor', { method: 'POST', headers, body: '{}' })).toBe(404);
    expect(await statusOf('/healthz', {})).toBe(200);
  });

  /** Sends bytes and resolves to what the endpoint sent until it closed the connection. */
  const sent = (bytes: string | Buffer): Promise<string> =>
    new Promise((resolve, reject) => {
      const answer: Buffer[] = [];
      const socket = connect(Number(new URL(endpoint.url).port), '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => answer.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(answer).toString()));
      socket.on('error', reject);
    });
  const head = (length: number): string =>
    `POST /v1/check-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

  it('whose body does not arrive are ended with 408', async () => {
    expect(await sent(`${head(100)}{"protocol"`)).toMatch(/^HTTP\/1\.1 408 [\s\S]*"error_code":"request_timeout"/);
  });

  it('that announce too much are ended before they are read', async () => {
    expect(await sent(`${head(2 ** 31)}{`)).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*"too_large"/i);
  });

  it('that send too much without announcing it are ended', async () => {
    const bytes = 2 * 1_024 * 1_024 + 1;
    const chunked = head(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked');
    const answer = sent(`${chunked}${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n0\r\n\r\n`);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*"too_large"/);
  });

  it('with text that is not UTF-8 are refused', async () => {
    const answer = sent(
      Buffer.concat([Buffer.from(head(1).replace('Host', 'Connection: close\r\nHost')), Buffer.of(0xff)]),
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*Send JSON in UTF-8/);
  });
});
