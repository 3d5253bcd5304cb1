import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProblemError } from '@app/protocol';

/** How long the body of a request may take to arrive. */
export interface BodyTimes {
  /** Longest pause between two pieces, in milliseconds. */
  readonly idleMs: number;
  /** Longest time from the headers to the end, in milliseconds. Forms are exempt: they are read while they arrive. */
  readonly totalMs: number;
}

/** A body of one message takes far less on any network that carries speech. */
export const defaultBodyTimes: BodyTimes = { idleMs: 10_000, totalMs: 30_000 };

/** How long a body that nobody reads any more is let drain after its answer, so that the client gets to read that answer. */
const lingerMs = 2_000;

/**
 * Ends requests whose body does not arrive in time with `request_timeout`. Time in which this server does not read (it waits
 * for room of its own) is not held against the client. Call it once the headers are known.
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

/** Whoever reads the body hears the problem and answers with it; the connection itself stays open for that answer. */
function breakOff(request: IncomingMessage, why: string): void {
  const problem = new ProblemError('request_timeout', { detail: `The body did not arrive in time: ${why}.` });
  if (request.listenerCount('error') > 0) request.emit('error', problem);
  else request.destroy();
}

const seconds = (ms: number): string => `${ms / 1_000} s`;
