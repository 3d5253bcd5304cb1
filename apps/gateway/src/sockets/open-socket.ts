import { WebSocket } from 'ws';

const pingIntervalMs = 30_000;
/** Number of unsent bytes from which on a client counts as not reading. */
const backlogBytes = 256 * 1024;

/** The time-outs of a socket. */
export interface SocketTimes {
  readonly idleMs: number;
}

/**
 * One client's socket. Sends JSON and knows how much the client has not read yet. Closes when the client is silent or
 * does not answer pings.
 */
export class OpenSocket {
  private lastTrafficAtMs = performance.now();
  /** Whether nothing has arrived since the last ping. */
  private unanswered = false;
  private wasBacklogged = false;
  private timer: NodeJS.Timeout | undefined;

  /** `drained` is called when the client has read enough of the backlog. */
  constructor(
    private readonly socket: WebSocket,
    private readonly times: SocketTimes,
    private readonly drained: () => void,
  ) {}

  /** Starts the time-outs. */
  start(): void {
    this.timer = setInterval(() => this.check(), Math.min(pingIntervalMs, this.times.idleMs));
    this.socket.on('pong', () => this.heard());
    this.socket.on('ping', () => this.heard());
    this.socket.on('message', () => {
      this.heard();
      this.lastTrafficAtMs = performance.now();
    });
    this.socket.once('close', () => clearInterval(this.timer));
  }

  send(message: object): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.lastTrafficAtMs = performance.now();
    this.socket.send(JSON.stringify(message), () => this.onSent());
    this.wasBacklogged ||= this.backlogged;
  }

  get backlogged(): boolean {
    return this.socket.bufferedAmount > backlogBytes;
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  /** Every frame from the client counts as a sign of life. */
  private heard(): void {
    this.unanswered = false;
  }

  private onSent(): void {
    if (!this.wasBacklogged || this.backlogged) return;
    this.wasBacklogged = false;
    this.drained();
  }

  private check(): void {
    // A paused socket does not read the pong either.
    if (this.socket.isPaused) return;
    if (this.unanswered) return this.socket.terminate();
    if (performance.now() - this.lastTrafficAtMs >= this.times.idleMs) return this.close(1000, 'idle');
    this.unanswered = true;
    this.socket.ping();
  }
}
