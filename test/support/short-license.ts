import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signLicense } from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import { developmentFiles } from '../../tools/license/development-license';
import type { RunningStack } from './running-stack';

/** A licence that ends in so many seconds, without grace, signed by the issuer of the stack's own licence. */
function shortLicense(licenseFile: string, seconds: number): Promise<string> {
  const issuer = createPrivateKey(readFileSync(join(dirname(licenseFile), developmentFiles.issuerKey)));
  const iat = Math.floor(Date.now() / 1_000);
  const license = {
    jti: randomUUID(),
    sub: 'a test',
    features: [...licenseFeatures],
    limits: {},
    iat,
    nbf: iat,
    exp: iat + seconds,
    grace: { lostContactDays: 0, expiryDays: 0, proxyUnreachableSeconds: 0 },
  };
  return signLicense(license, issuer);
}

/** Uploads a licence that ends in so many seconds, without a restart. */
export async function expireIn(stack: RunningStack, seconds: number): Promise<void> {
  const response = await fetch(`${stack.license}/license`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ license: await shortLicense(stack.licenseFile, seconds) }),
  });
  if (!response.ok) throw new Error(`POST /license was answered with ${response.status}: ${await response.text()}`);
}
