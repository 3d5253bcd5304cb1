import type { IncomingHttpHeaders } from 'node:http';
import { headerKeyOf } from '@app/platform';

/**
 * The key or access token of a request, or undefined if there is none. Order: `Authorization: Bearer`, `X-API-Key`,
 * `?access_token=`, `?api_key=`.
 */
export function credentialOf(headers: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const candidates = [headerKeyOf(headers), query.get('access_token'), query.get('api_key')];
  return candidates.find((candidate) => candidate) ?? undefined;
}
