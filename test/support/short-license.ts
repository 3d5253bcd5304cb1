import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signLicense } from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import { developmentFiles } from '../../tools/license/development-license';
import type { RunningStack } from './running-stack';

/** A licence that ends in so many seconds, without grace, signed by the issuer of the stack's own licence. */
export function shortLicense(licenseFile: string, seconds: number): Promise<string> {
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

/** Gives a stack a licence that ends in so many seconds; resolves when its license process has it. */
export async function expireIn(stack: RunningStack, seconds: number): Promise<void> {
  const back = stack.says('license is back');
  writeFileSync(stack.licenseFile, await shortLicense(stack.licenseFile, seconds));
  stack.kill('license');
  await back;
}
