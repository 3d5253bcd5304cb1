import { GatewayUnderTest } from './support/gateway-under-test';

describe('POST /speech-activity', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterAll(() => gateway.stop());

  const post = async (query: string, body: string | Buffer, type = 'audio/wav') => {
    const headers = { 'x-api-key': 'k', 'content-type': type };
    const response = await fetch(`${gateway.http}/speech-activity${query}`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  };

  it.each([
    ['?threshold=1', /threshold must not be greater than 0\.95/],
    ['?threshold=loud', /threshold must be a number/],
    ['?min_silence_ms=31', /min_silence_ms must not be less than 32/],
    ['?min_silence_ms=500.5', /min_silence_ms must be an integer/],
    ['?min_speech_ms=10001', /min_speech_ms must not be greater than 10000/],
  ])('names the field and the limit that the query %s breaks', async (query, words) => {
    const message = expect.stringMatching(words) as string;
    expect(await post(query, 'RIFF')).toMatchObject({ status: 400, body: { error_code: 'bad_request', message } });
  });

  it.each([
    ['nothing', '', 400, 'bad_request', /no recording/],
    ['more than a job can carry', Buffer.alloc(1_000_001), 413, 'too_large', /1000000 bytes, 31 s.*parts/],
  ] as const)('refuses %s and says what to send', async (_, body, status, code, words) => {
    const message = expect.stringMatching(words) as string;
    expect(await post('', body)).toMatchObject({ status, body: { error_code: code, message } });
  });

  it('refuses what is not sent as audio', async () => {
    const message = expect.stringContaining('audio/wav') as string;
    const refused = { status: 415, body: { error_code: 'media_type_not_supported', message } };
    expect(await post('', '{}', 'application/json')).toMatchObject(refused);
  });

  it('asks whether the key has the feature of that name', async () => {
    gateway.license.answer = () => ({ status: 403, body: { error_code: 'feature_not_licensed' } });
    expect(await post('', 'RIFF')).toMatchObject({ status: 403, body: { error_code: 'feature_not_licensed' } });
    expect(gateway.license.asked.at(-1)).toMatchObject({ feature: 'speech-activity' });
  });
});
