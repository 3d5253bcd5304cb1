import type { IncomingHttpHeaders } from 'node:http';

const bearer = /^Bearer +(\S+)$/i;

/** The key or access token in the headers of a request: `Authorization: Bearer`, else `X-API-Key`. Undefined if neither is there. */
export function headerKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers['x-api-key'];
  return bearer.exec(headers.authorization ?? '')?.[1] ?? (typeof apiKey === 'string' ? apiKey.trim() : undefined);
}
