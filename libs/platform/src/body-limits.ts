import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProblemError } from '@app/protocol';

/** The time limits of a request body. */
export interface BodyTimes {
  /** Longest pause between two pieces, in milliseconds. */
  readonly idleMs: number;
  /**
   * Longest time from the headers to the end, in milliseconds. Forms are exempt, since they are processed while they
   * arrive.
   */
  readonly totalMs: number;
}

/** Default limits. On any network that can carry speech, a body of one message takes far less. */
export const defaultBodyTimes: BodyTimes = { idleMs: 10_000, totalMs: 30_000 };

/** Time to drain an unread body after the response, in milliseconds, so that the client can read the response. */
const lingerMs = 2_000;

/**
 * Ends requests with `request_timeout` if their body does not arrive in time. Time in which this server does not read,
 * because its buffers are full, does not count. Call this once the headers are known.
 */
export function limitBody(request: IncomingMessage, response: ServerResponse, { idleMs, totalMs }: BodyTimes): void {
  if (!hasBody(request)) return;
  const { socket } = request;
  const mayLast = request.headers['content-type']?.startsWith('multipart/') ? Infinity : totalMs;
  const startedAtMs = performance.now();
  let readBytes = socket.bytesRead;
  let lastPieceAtMs = startedAtMs;
  let answeredAtMs: number | undefined;
  const check = (): void => {
    const nowMs = performance.now();
    if (request.complete || request.readableEnded || request.destroyed) return clearInterval(timer);
    if (response.writableFinished) {
      answeredAtMs ??= nowMs;
      if (nowMs - answeredAtMs >= lingerMs) request.destroy();
      return;
    }
    if (socket.bytesRead !== readBytes || request.readableLength > 0) lastPieceAtMs = nowMs;
    readBytes = socket.bytesRead;
    if (nowMs - lastPieceAtMs >= idleMs) breakOff(request, `no byte of it came for ${seconds(idleMs)}`);
    else if (nowMs - startedAtMs >= mayLast) breakOff(request, `it took more than ${seconds(mayLast)}`);
  };
  const timer = setInterval(check, Math.min(idleMs, totalMs, lingerMs) / 4);
  timer.unref();
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Fails the body with the problem, so that its reader can answer with it. The connection stays open for that answer.
 */
function breakOff(request: IncomingMessage, why: string): void {
  const problem = new ProblemError('request_timeout', { detail: `The body did not arrive in time: ${why}.` });
  if (request.listenerCount('error') > 0) request.emit('error', problem);
  else request.destroy();
}

const seconds = (ms: number): string => `${ms / 1_000} s`;
