import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { requestIdPattern } from '@app/protocol';

/** The header of the request id in both directions, in lower case as in Node. */
export const requestIdHeader = 'x-request-id';

/** The caller's request id if it is well formed, otherwise a new UUID. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers[requestIdHeader];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
}
