import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { spoken } from './support/requests';
import { TestSocket } from './support/test-socket';

describe('who may enter', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${gateway.http}${path}`, { headers });

  it('needs no key for the greeting', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true, version: expect.any(String) as string });
  });

  it.each([
    ['Bearer', '/voices', { authorization: 'Bearer k' }],
    ['bearer in any letter case', '/voices', { authorization: 'bearer k' }],
    ['X-API-Key', '/voices', { 'x-api-key': 'k' }],
    ['the query as a key', '/voices?api_key=k', {}],
    ['the query as a token', '/voices?access_token=k', {}],
  ])('takes a key by %s', async (_, path, headers) => {
    expect((await get(path, headers as Record<string, string>)).status).toBe(200);
  });

  it.each([
    ['no key', '/voices', {}, 'key_missing'],
    ['an unknown key', '/voices', { 'x-api-key': 'other' }, 'key_unknown'],
  ])('answers %s with 401', async (_, path, headers, code) => {
    const response = await get(path, headers);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error_code: code, message: expect.any(String) as string });
    expect(response.headers.get('x-request-id')).toBeTruthy();
  });

  it.each([
    [402, 'license_expired'],
    [403, 'feature_not_licensed'],
  ])('passes on a %s of the license app', async (status, code) => {
    gateway.license.answer = () => ({ status, body: { error_code: code } });
    const response = await gateway.post('/tts/bytes', spoken());
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error_code: code });
    expect(await TestSocket.refused(`${gateway.ws}/tts/websocket`, { 'x-api-key': 'k' })).toMatchObject({ status });
  });

  it('asks for every request, with what it is for and its id', async () => {
    await gateway.post('/tts/bytes', spoken(), { 'x-request-id': 'mine' });
    await get('/voices', { 'x-api-key': 'k' });
    expect(gateway.license.asked).toEqual([
      { key: 'k', feature: 'tts', requestId: 'mine' },
      { key: 'k', feature: 'catalogue', requestId: expect.any(String) as string },
    ]);
  });

  it('rides out an outage of the license app with an answer that is still good, and no longer', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      gateway.license.answer = () => granted({ validForMs: 1_000 });
      expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(200);
      gateway.license.answer = () => ({ status: 500, body: {} });
      now = 999;
      expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(200);
      expect((await gateway.post('/tts/bytes', spoken())).status).toBe(503);
      now = 1_001;
      const late = await get('/voices', { 'x-api-key': 'k' });
      expect(late.status).toBe(503);
      expect(await late.json()).toMatchObject({ error_code: 'license_unavailable' });
    } finally {
      clock.mockRestore();
    }
  });

  it('asks again when a kept connection to the license app is closed under it', async () => {
    gateway.license.answer = () => granted({ validForMs: 0 });
    gateway.license.dropsKept = true;
    for (let i = 0; i < 3; i++) expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(200);
    expect(gateway.license.asked).toHaveLength(3);
  });

  it('forgets a kept answer when the license app refuses', async () => {
    expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(200);
    gateway.license.answer = () => ({ status: 401, body: { error_code: 'key_unknown' } });
    expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(401);
    gateway.license.answer = () => ({ status: 500, body: {} });
    expect((await get('/voices', { 'x-api-key': 'k' })).status).toBe(503);
  });

  it.each(['/tts/websocket', '/stt/websocket?model=ink-2&encoding=pcm_s16le&sample_rate=16000'])(
    'refuses the upgrade of %s with an ordinary answer',
    async (path) => {
      for (const [headers, code] of [
        [{}, 'key_missing'],
        [{ 'x-api-key': 'other' }, 'key_unknown'],
      ] as const) {
        const { status, body, headers: answered } = await TestSocket.refused(`${gateway.ws}${path}`, headers);
        expect(status).toBe(401);
        expect(body).toMatchObject({ error_code: code, status_code: 401, message: expect.any(String) as string });
        expect(body.request_id).toBe(answered['x-request-id']);
      }
    },
  );

  it('opens sockets for keys in headers and query, whatever the version, on untidy paths too', async () => {
    const ways: [string, Record<string, string>][] = [
      ['/tts/websocket?api_key=k&cartesia_version=2024-06-10', {}],
      ['/tts/websocket?access_token=k&cartesia_client=x', {}],
      ['/tts/websocket', { authorization: 'Bearer k', 'cartesia-version': '2026-08-14' }],
      ['//tts//websocket/', { 'x-api-key': 'k' }],
    ];
    for (const [path, headers] of ways) (await TestSocket.open(`${gateway.ws}${path}`, headers)).close();
  });

  it('has no socket elsewhere', async () => {
    expect(await TestSocket.refused(`${gateway.ws}/nowhere`, { 'x-api-key': 'k' })).toMatchObject({ status: 404 });
  });

  it('answers any Cartesia-Version, doubled and trailing slashes alike', async () => {
    const plain = await (await get('/voices', { 'x-api-key': 'k' })).json();
    for (const path of ['/voices/', '//voices', '/voices//']) {
      const response = await get(path, { 'x-api-key': 'k', 'cartesia-version': '1999-01-01' });
      expect(await response.json()).toEqual(plain);
    }
  });

  it('lets browsers ask first', async () => {
    const response = await fetch(`${gateway.http}/tts/bytes`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://example.org',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,cartesia-version,content-type,x-stainless-lang',
      },
    });
    expect(response.status).toBeLessThan(300);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-headers')).toContain('cartesia-version');
    expect(
      (await gateway.post('/tts/bytes', spoken(), { origin: 'https://example.org' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBe('*');
  });

  it('gives every unknown path a problem with a request id', async () => {
    const response = await get('/agents/calls', { 'x-api-key': 'k', 'x-request-id': 'abc' });
    expect(response.status).toBe(404);
    expect(response.headers.get('x-request-id')).toBe('abc');
    expect(await response.json()).toMatchObject({ error_code: 'not_found', request_id: 'abc' });
  });

  it('never logs keys or texts', async () => {
    const key = 'sk_secret_key';
    gateway.license.answer = () => granted();
    const headers = { 'x-api-key': key };
    await (await gateway.post('/tts/bytes', spoken({ transcript: 'Confidential words.' }), headers)).arrayBuffer();
    await gateway.post('/tts/bytes', spoken({ transcript: 'Confidential words.', voice: 'nobody' }), headers);
    (await TestSocket.open(`${gateway.ws}/tts/websocket?api_key=${key}`, {})).close();
    gateway.license.answer = () => ({ status: 401, body: { error_code: 'key_unknown' } });
    await TestSocket.refused(`${gateway.ws}/tts/websocket?api_key=${key}`);
    const log = gateway.log.join('\n');
    expect(log).toContain('context ended');
    expect(log).not.toContain(key);
    expect(log).not.toContain('Confidential');
  });
});

describe('voices', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterAll(() => gateway.stop());

  const get = async (path: string): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${gateway.http}${path}`, { headers: { 'x-api-key': 'k' } });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it('are listed with all that clients of any age read', async () => {
    const { body } = await get('/voices');
    expect(body).toMatchObject({ has_more: false, next_page: null });
    expect((body.data as object[])[0]).toMatchObject({
      id: 'piper-joe',
      name: 'Joe',
      description: expect.any(String) as string,
      language: 'en',
      is_owner: false,
      is_public: true,
      created_at: expect.any(String) as string,
      access: 'public',
      visibility: 'all',
    });
  });

  it('end with an empty page', async () => {
    expect((await get('/voices?starting_after=piper-joe')).body).toEqual({
      data: [],
      has_more: false,
      next_page: null,
    });
  });

  it.each(['/voices?starting_after=nobody', '/voices?limit=0', '/voices?limit=101', '/voices?limit=x'])(
    'refuse %s',
    async (path) => {
      expect((await get(path)).status).toBe(400);
    },
  );

  it('are found by id and by alias', async () => {
    expect((await get('/voices/piper-joe')).body).toMatchObject({ id: 'piper-joe' });
    expect((await get('/voices/6ccbfb76-1fc6-48f7-b71d-91ac6298247b')).body).toMatchObject({ id: 'piper-joe' });
    expect(await get('/voices/not-a-voice')).toMatchObject({ status: 404, body: { error_code: 'voice_not_found' } });
  });
});
