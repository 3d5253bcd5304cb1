import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { spoken } from './support/requests';
import { TestSocket } from './support/test-socket';

const bodyIdleMs = 400;
const bodyTimeoutMs = 1_200;

describe('bodies of requests', () => {
  let gateway: GatewayUnderTest;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start({ bodyIdleMs, bodyTimeoutMs });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
  });

  /** Sends a head that promises a body, and so much of that body. */
  const begin = async (path: string, headers: Record<string, string>, body: string): Promise<Socket> => {
    const socket = connect(Number(new URL(gateway.http).port), '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    const fields = Object.entries({ host: 'a', 'content-length': '1000', ...headers });
    socket.write(
      `POST ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
    );
    return socket;
  };
  const answerOn = async (socket: Socket): Promise<string> => ((await once(socket, 'data')) as [Buffer])[0].toString();
  const key = { 'x-api-key': 'k' };
  const json = { ...key, 'content-type': 'application/json' };

  it.each([
    ['no key', {}, 'key_missing'],
    ['an unknown key', { 'x-api-key': 'other' }, 'key_unknown'],
  ])('are not waited for from somebody with %s', async (_, headers, code) => {
    const answer = await answerOn(await begin('/tts/bytes', headers, '{"transcri'));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain(code);
  });

  it.each([
    ['/tts/bytes', json, '{"transcri'],
    ['/tts/sse', json, '{"transcri'],
    ['/stt', { ...key, 'content-type': 'multipart/form-data; boundary=b' }, '--b\r\nContent-Disposition: form-data'],
  ])('of %s that stop in the middle are answered, and the connection ends', async (path, headers, body) => {
    const socket = await begin(path, headers, body);
    const answer = await answerOn(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('request_timeout');
    await once(socket, 'close');
  });

  it('that come drop by drop are answered once their whole time is over', async () => {
    const socket = await begin('/tts/bytes', json, '{"transcri');
    // The pace is what the test is about, and a fake clock would not drive a socket.
    const drops = setInterval(() => socket.write(' '), bodyIdleMs / 4);
    const answer = await answerOn(socket).finally(() => clearInterval(drops));
    expect(answer).toContain('request_timeout');
  });

  it('may pause while this server is the one that waits', async () => {
    gateway.license.answer = () =>
      new Promise((resolve) => {
        // Only time passes here, more of it than a body may let pass.
        setTimeout(() => resolve(granted()), 2 * bodyIdleMs);
      });
    const response = await gateway.post('/tts/bytes', spoken());
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });
});

describe('what a request does not ask for', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterAll(() => gateway.stop());

  const numbered = Object.fromEntries(Array.from({ length: 80_000 }, (_, index) => [index, 1]));
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
  /** The longest time for which nothing else could run while something went on. */
  const longestPauseMs = async (during: Promise<unknown>): Promise<number> => {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    await during;
    longest = Math.max(longest, performance.now() - last);
    clearInterval(timer);
    return longest;
  };

  it.each([
    ['a constructor', { constructor: 1 }],
    ['arrays within arrays', nested(50)],
    ['fields of its own', { a: { b: [1, 2, { c: 3 }] } }],
  ])('may be %s and has no effect', async (_, metadata) => {
    const response = await gateway.post('/tts/bytes', { ...spoken(), metadata });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });

  it.each([
    ['80,000 numbered fields', numbered, 'fields'],
    ['2,000 arrays within arrays', nested(2_000), 'levels'],
    ['80,000 items', new Array(80_000).fill(0), 'items'],
  ])('is refused with the limit when it is %s, and holds up nobody', async (_, metadata, limit) => {
    const body = JSON.stringify({ ...spoken(), metadata });
    let answered: Promise<Response> | undefined;
    const pauseMs = await longestPauseMs((answered = gateway.post('/tts/bytes', body)));
    const response = await answered;
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining(limit) as string });
    // The promise to others, with margin for a busy machine: it was 25 s.
    expect(pauseMs).toBeLessThan(1_000);
  });

  it('is refused on a socket as well', async () => {
    const socket = await TestSocket.open(`${gateway.ws}/tts/websocket`, { 'x-api-key': 'k' });
    socket.send({ ...spoken(), context_id: 'c', metadata: numbered });
    expect(await socket.until((message) => message.type === 'error')).toMatchObject([
      { message: expect.stringContaining('fields') as string },
    ]);
    socket.close();
  });
});
