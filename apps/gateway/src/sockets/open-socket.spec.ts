import { EventEmitter } from 'node:events';
import { WebSocket } from 'ws';
import { OpenSocket } from './open-socket';

/** What a client's socket is told, written down; the test is the client. */
class FakeSocket extends EventEmitter {
  readonly readyState = WebSocket.OPEN;
  readonly bufferedAmount = 0;
  isPaused = false;
  pings = 0;
  ended: string | undefined;

  ping(): void {
    this.pings += 1;
  }

  terminate(): void {
    this.ended = 'terminated';
  }

  close(code: number): void {
    this.ended = `closed with ${code}`;
  }
}

const pingIntervalMs = 30_000;
const idleMs = 100_000;

describe('OpenSocket', () => {
  let socket: FakeSocket;

  beforeEach(() => {
    jest.useFakeTimers();
    socket = new FakeSocket();
    new OpenSocket(socket as unknown as WebSocket, { idleMs }, () => undefined).start();
  });
  afterEach(() => {
    socket.emit('close');
    jest.useRealTimers();
  });

  it('ends a socket on which nothing comes after a ping', () => {
    jest.advanceTimersByTime(2 * pingIntervalMs);
    expect(socket).toMatchObject({ pings: 1, ended: 'terminated' });
  });

  it.each(['pong', 'ping', 'message'])('takes a %s for a sign of life', (event) => {
    for (let round = 0; round < 3; round += 1) {
      jest.advanceTimersByTime(pingIntervalMs);
      socket.emit(event, Buffer.alloc(0));
    }
    expect(socket).toMatchObject({ pings: 3, ended: undefined });
  });

  it('closes a socket whose client is there and says nothing', () => {
    for (let atMs = 0; atMs <= idleMs; atMs += pingIntervalMs) {
      jest.advanceTimersByTime(pingIntervalMs);
      socket.emit('pong');
    }
    expect(socket.ended).toBe('closed with 1000');
  });
});
