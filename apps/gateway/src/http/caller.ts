import type { FastifyReply, FastifyRequest } from 'fastify';
import { traceHeadersOf } from '@app/platform';
import type { Admission } from '../auth/gatekeeper';
import type { Caller } from '../scope/request-scope';

/** The caller of a request. Detects a caller that disconnected before this call, while the license app was asked. */
export function callerOf(request: FastifyRequest, reply: FastifyReply, admission: Admission): Caller {
  const gone = new AbortController();
  const { raw } = request;
  if (reply.raw.destroyed || raw.socket.destroyed || (raw.destroyed && !raw.complete)) gone.abort();
  reply.raw.once('close', () => gone.abort());
  raw.once('close', () => raw.complete || gone.abort());
  return {
    requestId: request.id,
    admission,
    signal: gone.signal,
    parent: traceHeadersOf(request.headers),
    receivedAtMs: performance.now() - reply.elapsedTime,
  };
}
