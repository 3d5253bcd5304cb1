import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { KeptConnections } from './kept-connections';

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('KeptConnections', () => {
  let server: Server;
  let connections: KeptConnections;
  let sockets: Socket[];
  /** What becomes of each request, in the order in which they come; answered beyond the list. */
  let fates: ('answer' | 'close')[];

  const post = async (signal?: AbortSignal): Promise<string> => {
    const { body } = await connections.post({ headers: {}, body: 'x', ...(signal ? { signal } : {}) });
    return body.text();
  };

  beforeEach(async () => {
    [sockets, fates] = [[], []];
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', () => {
        if (fates.shift() === 'close') socket.destroy();
        else socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    connections = new KeptConnections(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path`);
  });
  afterEach(async () => {
    connections.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('sends one request after the other over the same connection', async () => {
    expect([await post(), await post()]).toEqual(['ok', 'ok']);
    expect(sockets).toHaveLength(1);
  });

  it('sends a request again when its connection closed before an answer', async () => {
    fates = ['answer', 'close'];
    expect([await post(), await post()]).toEqual(['ok', 'ok']);
    expect(sockets).toHaveLength(2);
  });

  it('sends a request twice at most', async () => {
    fates = ['close', 'close'];
    await expect(post()).rejects.toThrow();
    expect(sockets).toHaveLength(2);
  });

  it('does not send a request again whose caller has left', async () => {
    const leaving = new AbortController();
    const left = expect(post(leaving.signal)).rejects.toThrow();
    leaving.abort();
    await left;
    expect(sockets.length).toBeLessThanOrEqual(1);
  });
});
