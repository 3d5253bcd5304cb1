import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { spoken } from './support/requests';
import { TestSocket } from './support/test-socket';

let gateway: GatewayUnderTest;

beforeEach(async () => {
  gateway = await GatewayUnderTest.start();
  gateway.license.answer = ({ key }) =>
    key === 'k' ? { status: 200, body: { token: 'at_test' } } : { status: 401, body: { error_code: 'key_unknown' } };
});
afterEach(() => gateway.stop());

const ask = async (body: unknown, headers: Record<string, string> = {}) => {
  const response = await gateway.post('/access-token', body, headers);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

it('gives a token for what is granted, for as long as is asked', async () => {
  const wish = { grants: { tts: true, stt: false, agent: true }, expires_in: 60 };
  expect(await ask(wish, { 'x-request-id': 'mine' })).toEqual({ status: 200, body: { token: 'at_test' } });
  expect(gateway.license.asked).toEqual([{ key: 'k', features: ['tts'], expiresInSeconds: 60, requestId: 'mine' }]);
});

it.each([
  ['nothing', ''],
  ['an empty object', {}],
  ['null', { grants: null, expires_in: null }],
])('takes %s for no grants and ten minutes', async (_, body) => {
  expect((await ask(body)).status).toBe(200);
  expect(gateway.license.asked).toMatchObject([{ features: [], expiresInSeconds: 600 }]);
});

it.each([
  ['a life above an hour', { grants: { tts: true }, expires_in: 3_601 }, /expires_in/],
  ['no life', { grants: { tts: true }, expires_in: 0 }, /expires_in/],
  ['a grant that is neither true nor false', { grants: { tts: 'yes' } }, /grants\.tts/],
  ['grants that are a list', { grants: ['tts'] }, /grants/],
])('refuses %s and names the field', async (_, body, message) => {
  expect(await ask(body)).toMatchObject({
    status: 400,
    body: { error_code: 'bad_request', message: expect.stringMatching(message) as string },
  });
  expect(gateway.license.asked).toEqual([]);
});

it('needs a key, and passes on what the license app says of it', async () => {
  const response = await fetch(`${gateway.http}/access-token`, { method: 'POST' });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ error_code: 'key_missing' });
  expect(await ask({}, { 'x-api-key': 'other' })).toMatchObject({ status: 401, body: { error_code: 'key_unknown' } });
  gateway.license.answer = () => ({ status: 403, body: { error_code: 'token_not_allowed' } });
  expect(await ask({})).toMatchObject({ status: 403, body: { error_code: 'token_not_allowed' } });
});

it('has no earlier answer to fall back to', async () => {
  await ask({});
  gateway.license.answer = () => ({ status: 500, body: {} });
  expect(await ask({})).toMatchObject({ status: 503, body: { error_code: 'license_unavailable' } });
});

it('never logs a token', async () => {
  await ask({ grants: { tts: true } });
  gateway.license.answer = () => granted();
  (await TestSocket.open(`${gateway.ws}/tts/websocket?access_token=at_test`, {})).close();
  expect(gateway.log.join('\n')).not.toContain('at_test');
});

it('is asked for once at the opening of a socket, and as connected for each context after it', async () => {
  gateway.license.answer = () => granted();
  const socket = await TestSocket.open(`${gateway.ws}/tts/websocket?access_token=at_test`, {});
  socket.send({ context_id: 'c', ...spoken() });
  await socket.ended('c');
  socket.close();
  expect(gateway.license.asked).toMatchObject([
    { key: 'at_test', feature: 'tts' },
    { key: 'at_test', feature: 'tts', connected: true },
  ]);
  expect(gateway.license.asked[0]).not.toHaveProperty('connected');
});
