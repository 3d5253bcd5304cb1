import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  readPublicKeys,
  serviceEndMs,
  serviceState,
  unverifiedClaims,
  verifyLicense,
  type License,
  type ServiceFacts,
  type VerifiedDocument,
} from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { dateText } from './dates';
import { issuerFiles } from './keys';

/** Options of every command that reads a licence file. */
export const licenseFileOptions = { keys: { type: 'string' }, deployment: { type: 'string' } } as const;

/** `npm run license -- inspect FILE`: exit code 0 for a licence that admits requests now. */
export async function inspectCommand(args: readonly string[], root: string, nowMs = Date.now()): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: licenseFileOptions });
  const { payload: license, keyId } = await readLicenseFile(positionals, values, root, nowMs);
  show(license, keyId);
  const facts: ServiceFacts = { mode: 'airgapped', licenses: [license], nowMs };
  const state = serviceState(facts);
  const why = 'why' in state ? `, ${state.why}` : '';
  console.log(`state            ${state.state}${why}`);
  if (state.state !== 'refused') console.log(`requests until   ${dateText(serviceEndMs(facts))}`);
  return state.state === 'refused' ? 1 : 0;
}

/** Reads and verifies the licence file that a command names. Its own deployment counts as this one where none is given. */
export async function readLicenseFile(
  [name, ...more]: readonly string[],
  { keys, deployment }: { readonly keys?: string | undefined; readonly deployment?: string | undefined },
  root: string,
  nowMs: number,
): Promise<VerifiedDocument<License>> {
  if (name === undefined || more.length > 0)
    throw new ProblemError('bad_request', { detail: 'Name one licence file.' });
  const file = resolve(root, name);
  const trusted = keys === undefined ? join(dirname(file), issuerFiles.publicKey) : resolve(root, keys);
  const publicKeys = readPublicKeys(await readFile(trusted, 'utf8'));
  const text = await readFile(file, 'utf8');
  return verifyLicense(text, {
    keys: publicKeys,
    nowMs,
    deployment: deployment ?? unverifiedClaims<License>(text).deployment,
  });
}

function show({ jti, sub, deployment, features, models, limits, iat, nbf, exp, grace }: License, keyId: string): void {
  const limit = (value: number | undefined): string => (value === undefined ? 'unlimited' : String(value));
  console.log(`id               ${jti}`);
  console.log(`holder           ${sub}`);
  console.log(`deployment       ${deployment ?? 'any'}`);
  console.log(`features         ${features.join(', ')}`);
  console.log(`models           ${models?.join(', ') ?? 'all'}`);
  console.log(`concurrency      ${limit(limits.maxConcurrent)} for each key`);
  console.log(`each month       ${limit(limits.monthlyCharacters)} characters`);
  console.log(`each month       ${limit(limits.monthlyAudioSeconds)} seconds of audio`);
  console.log(`issued           ${dateText(iat * 1_000)}`);
  console.log(`valid from       ${dateText(nbf * 1_000)}`);
  console.log(`expires          ${dateText(exp * 1_000)}`);
  console.log(`grace            ${grace.expiryDays} days after the expiry`);
  console.log(`grace            ${grace.lostContactDays} days after the end of the last lease`);
  console.log(`grace            ${grace.proxyUnreachableSeconds} seconds without the license app`);
  console.log(`issuer key       ${keyId}`);
}
