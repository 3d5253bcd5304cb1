import { WebSocket } from 'ws';

const pingIntervalMs = 30_000;
/** Unsent bytes beyond which a client counts as one that does not read. */
const backlogBytes = 256 * 1024;

/** How long a socket may be silent. */
export interface SocketTimes {
  readonly idleMs: number;
}

/** One client's socket: JSON out, with what it has yet to take known; closed when it is silent or does not answer pings. */
export class OpenSocket {
  private lastTrafficAtMs = performance.now();
  /** Whether nothing has come since the last ping. */
  private unanswered = false;
  private wasBacklogged = false;
  private timer: NodeJS.Timeout | undefined;

  /** `drained` is called when the client has taken what was too much. */
  constructor(
    private readonly socket: WebSocket,
    private readonly times: SocketTimes,
    private readonly drained: () => void,
  ) {}

  /** Begins to watch for silence. */
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

  /** Whatever comes from the client shows that it is there. */
  private heard(): void {
    this.unanswered = false;
  }

  private onSent(): void {
    if (!this.wasBacklogged || this.backlogged) return;
    this.wasBacklogged = false;
    this.drained();
  }

  private check(): void {
    // A paused socket does not hear the pong either.
    if (this.socket.isPaused) return;
    if (this.unanswered) return this.socket.terminate();
    if (performance.now() - this.lastTrafficAtMs >= this.times.idleMs) return this.close(1000, 'idle');
    this.unanswered = true;
    this.socket.ping();
  }
}
