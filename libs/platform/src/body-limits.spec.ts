import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaultBodyTimes, limitBodies } from './body-limits';

const server = createServer((request, response) => void request.resume().once('end', () => response.end('ok')));
let socket: Socket;

beforeAll(async () => {
  limitBodies(server, defaultBodyTimes);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
});
afterAll(() => {
  socket.destroy();
  server.close();
});
// The clock of the checks stands still: what is gone has not waited for one.
beforeEach(() => jest.useFakeTimers({ doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'performance'] }));
afterEach(() => jest.useRealTimers());

/** Sends a body on the one connection; resolves once it was answered. `arriving` is called while it is on its way. */
async function send(arriving?: () => void): Promise<void> {
  if (arriving) server.once('request', arriving);
  const ended = new Promise((resolve) => server.once('request', (request) => request.once('close', resolve)));
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\ntext');
  await Promise.all([ended, once(socket, 'data')]);
}

it('has a timer while a body arrives, and none after', async () => {
  const timers: number[] = [];
  for (let sent = 0; sent < 3; sent += 1) {
    await send(() => timers.push(jest.getTimerCount()));
    timers.push(jest.getTimerCount());
  }
  expect(timers).toEqual([1, 0, 1, 0, 1, 0]);
});

it('lets a quick collection free a request that was answered', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  /** Bytes per request that two quick collections leave. */
  const heldAfter = async (requests: number): Promise<number> => {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let sent = 0; sent < requests; sent += 1) {
      await send();
      if (sent % 20 === 0) collect({ type: 'minor' });
    }
    collect({ type: 'minor' });
    collect({ type: 'minor' });
    return (process.memoryUsage().heapUsed - before) / requests;
  };
  // The least of three: now and then jest itself, or the compiler, keeps something.
  const held = [await heldAfter(300), await heldAfter(300), await heldAfter(300)];
  expect(Math.min(...held)).toBeLessThan(2_200);
});
