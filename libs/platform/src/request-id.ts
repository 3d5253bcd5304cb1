import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The header that carries the request id in both directions, as node names it. */
export const requestIdHeader = 'x-request-id';

/** What a request id may be; AuthorizationRequest and Job say the same. */
const wellFormed = /^[\x21-\x7e]{1,128}$/;

/** The caller's request id where it is well formed, otherwise a new UUID. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers[requestIdHeader];
  return typeof given === 'string' && wellFormed.test(given) ? given : randomUUID();
}
