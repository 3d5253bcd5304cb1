import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ProblemError } from '@app/protocol';

/** The time limits of a request body. */
export interface BodyTimes {
  /** Longest pause between two pieces, in milliseconds. */
  readonly idleMs: number;
  /** Longest time from the headers to the end, in milliseconds, without the time in which the body is read live. */
  readonly totalMs: number;
}

/** Default limits. On any network that can carry speech, a body of one message takes far less. */
export const defaultBodyTimes: BodyTimes = { idleMs: 10_000, totalMs: 30_000 };

/** Time to drain an unread body after the response, in milliseconds, so that the client can read the response. */
const lingerMs = 2_000;

const limits = new WeakMap<IncomingMessage, BodyLimit>();

/**
 * Ends the requests of a server with `request_timeout` if their body does not arrive in time, whatever answers them.
 * Time in which this server does not read, because its buffers are full, does not count as a pause.
 */
export function limitBodies(server: Server, times: BodyTimes): void {
  // Before every other listener, so that no hook or route can answer first and leave the body without a limit.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (hasBody(request)) limits.set(request, new BodyLimit(request, response, times));
  });
}

/**
 * Says whether what arrives of the body is used at once, as the audio of a live recording is. Only the limit of a pause
 * holds for such a body. The whole time begins anew after it.
 */
export function readLive(request: IncomingMessage, isLive: boolean): void {
  limits.get(request)?.setLive(isLive);
}

type State =
  | { readonly name: 'arriving'; readonly sinceMs: number }
  | { readonly name: 'live' }
  /** The response is complete, or the body was broken off. The connection ends soon. */
  | { readonly name: 'over'; readonly sinceMs: number };

/** Watches one body until it has arrived or its connection has ended. */
class BodyLimit {
  private state: State = { name: 'arriving', sinceMs: performance.now() };
  private lastPieceAtMs = performance.now();
  private readBytes: number;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly times: BodyTimes,
  ) {
    this.readBytes = request.socket.bytesRead;
    this.timer = setInterval(() => this.check(), Math.min(times.idleMs, times.totalMs, lingerMs) / 4);
    this.timer.unref();
    request.once('close', () => this.release());
  }

  setLive(isLive: boolean): void {
    if (this.state.name === 'over') return;
    this.state = isLive ? { name: 'live' } : { name: 'arriving', sinceMs: performance.now() };
  }

  /**
   * Lets go of an answered request at once, so that a quick collection frees it. A timer holds what it watches, and only a
   * full collection of the heap frees a value of a WeakMap that refers to its key.
   */
  private release(): void {
    clearInterval(this.timer);
    limits.delete(this.request);
  }

  private check(): void {
    const { request, response, state } = this;
    const nowMs = performance.now();
    if (request.complete || request.socket.destroyed) return this.release();
    if (state.name === 'over') {
      if (nowMs - state.sinceMs >= lingerMs) request.socket.destroy();
    } else if (response.writableFinished) this.state = { name: 'over', sinceMs: nowMs };
    else this.limit(state, nowMs);
  }

  private limit(state: Exclude<State, { name: 'over' }>, nowMs: number): void {
    const { request, times } = this;
    const { bytesRead } = request.socket;
    if (bytesRead !== this.readBytes || request.readableLength > 0) this.lastPieceAtMs = nowMs;
    this.readBytes = bytesRead;
    if (nowMs - this.lastPieceAtMs >= times.idleMs) this.breakOff(`no byte of it came for ${seconds(times.idleMs)}`);
    else if (state.name === 'arriving' && nowMs - state.sinceMs >= times.totalMs) {
      this.breakOff(`it took more than ${seconds(times.totalMs)}`);
    }
  }

  /** Fails the body with the problem, so that its reader can answer with it before the connection ends. */
  private breakOff(why: string): void {
    const problem = new ProblemError('request_timeout', { detail: `The body did not arrive in time: ${why}.` });
    this.state = { name: 'over', sinceMs: performance.now() };
    if (this.request.listenerCount('error') > 0) this.request.emit('error', problem);
    else this.request.socket.destroy();
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const seconds = (ms: number): string => `${ms / 1_000} s`;
