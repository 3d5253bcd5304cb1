import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import type { Authority } from '../../../support/certificates';

/** Whether a server with a certificate of this issuer answers with this status. */
export function answersOk(url: string, authority: Authority, wanted = 200): Promise<boolean> {
  return new Promise((resolve) => {
    request(url, { ca: readFileSync(authority.certFile) }, (response) => {
      response.resume();
      resolve(response.statusCode === wanted);
    })
      .once('error', () => resolve(false))
      .end();
  });
}
