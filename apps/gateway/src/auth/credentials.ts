import type { IncomingHttpHeaders } from 'node:http';

const bearer = /^Bearer +(\S+)$/i;

/**
 * The key or access token of a request: `Authorization: Bearer`, then `X-API-Key`, then `?access_token=`, then `?api_key=`.
 * Undefined when there is none.
 */
export function credentialOf(headers: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const apiKey = headers['x-api-key'];
  const candidates = [
    bearer.exec(headers.authorization ?? '')?.[1],
    typeof apiKey === 'string' ? apiKey.trim() : undefined,
    query.get('access_token'),
    query.get('api_key'),
  ];
  return candidates.find((candidate) => candidate) ?? undefined;
}
