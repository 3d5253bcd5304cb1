import type { IncomingHttpHeaders } from 'node:http';

const bearer = /^Bearer +(\S+)$/i;

/**
 * The key or access token of a request, or undefined if there is none. Order: `Authorization: Bearer`, `X-API-Key`,
 * `?access_token=`, `?api_key=`.
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
