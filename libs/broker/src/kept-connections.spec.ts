import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeptConnections } from './kept-connections';

describe('KeptConnections', () => {
  let server: Server;
  let connections: KeptConnections;
  /** How many connections there were. */
  let connected: number;
  /** What becomes of each request, in the order in which they come; answered beyond the list. */
  let fates: ('answer' | 'close')[];

  const post = async (signal?: AbortSignal): Promise<string> => {
    const { body } = await connections.post({ headers: {}, body: 'x', ...(signal ? { signal } : {}) });
    return body.text();
  };

  beforeEach(async () => {
    [connected, fates] = [0, []];
    server = createServer((request, response) => {
      if (fates.shift() === 'close') request.socket.destroy();
      else response.end('ok');
    });
    server.on('connection', () => (connected += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    connections = new KeptConnections(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path`);
  });
  afterEach(async () => {
    connections.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('sends one request after the other over the same connection', async () => {
    await post();
    // The pool takes a connection for free one turn after its answer.
    await new Promise((resolve) => setImmediate(resolve));
    await post();
    expect(connected).toBe(1);
  });

  it('sends a request again when its connection closed before an answer', async () => {
    fates = ['answer', 'close'];
    await post();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await post()).toBe('ok');
    expect(connected).toBe(2);
  });

  it('sends a request twice at most', async () => {
    fates = ['close', 'close'];
    await expect(post()).rejects.toThrow();
    expect(connected).toBe(2);
  });

  it('does not send a request again whose caller has left', async () => {
    const leaving = new AbortController();
    const left = expect(post(leaving.signal)).rejects.toThrow();
    leaving.abort();
    await left;
    expect(connected).toBeLessThanOrEqual(1);
  });
});
