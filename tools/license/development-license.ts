import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  adminScope,
  dayMs,
  defaultGrace,
  hashApiKey,
  makeApiKey,
  serviceState,
  signLicense,
  verifyLicense,
  type License,
} from '@app/licensing';
import { licenseFeatures } from '@app/protocol';
import { writeOwnFile } from '../own-file';
import { issuerFiles, writeIssuerKeys } from './keys';
import { ifThere } from './vendor/durable-file';

const validDays = 90;
/** With less than this left, a new one is issued. */
const renewBeforeMs = 7 * dayMs;

/** What the license app is started with on a development machine, and a key to use it. */
export interface DevelopmentLicense {
  readonly licenseFile: string;
  readonly publicKeyFile: string;
  /** Private key of its issuer. */
  readonly issuerKeyFile: string;
  /** For API_KEYS_FILE: hashes only. */
  readonly keysFile: string;
  readonly apiKey: string;
  /** A key with the scope admin alone, for `npm run license -- key`. */
  readonly adminKey: string;
  /** Whether the licence was issued just now. */
  readonly created: boolean;
}

/** Names of the files in the folder of a development licence. */
export const developmentFiles = {
  issuerKey: issuerFiles.privateKey,
  publicKey: issuerFiles.publicKey,
  license: 'license.jwt',
  keys: 'api-keys.json',
  apiKey: 'api-key',
  adminKey: 'admin-key',
} as const;

/**
 * A licence for this machine with every feature, its own issuer, and an API key; readable by their owner alone. What is in the
 * folder and still good is kept.
 */
export async function ensureDevelopmentLicense(folder: string, nowMs = Date.now()): Promise<DevelopmentLicense> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = (name: keyof typeof developmentFiles): string => join(folder, developmentFiles[name]);
  const issuer = await ensureIssuer(path('issuerKey'), path('publicKey'));
  const created = !(await isGood(path('license'), issuer, nowMs));
  if (created) writeOwnFile(path('license'), `${await signLicense(developmentLicense(nowMs), issuer)}\n`);
  const apiKey = await ensureApiKey(path('apiKey'));
  const adminKey = await ensureApiKey(path('adminKey'));
  writeJson(path('keys'), [
    keyRecord('development', apiKey),
    { ...keyRecord('admin', adminKey), scopes: [adminScope] },
  ]);
  return {
    licenseFile: path('license'),
    publicKeyFile: path('publicKey'),
    issuerKeyFile: path('issuerKey'),
    keysFile: path('keys'),
    apiKey,
    adminKey,
    created,
  };
}

function developmentLicense(nowMs: number): License {
  const iat = Math.floor(nowMs / 1_000);
  return {
    jti: randomUUID(),
    sub: `development on ${hostname()}`,
    features: [...licenseFeatures],
    limits: {},
    iat,
    nbf: iat,
    exp: iat + validDays * 86_400,
    grace: defaultGrace,
  };
}

/** The private key of this folder's issuer; its public half is written beside it. */
async function ensureIssuer(privateFile: string, publicFile: string): Promise<KeyObject> {
  const pem = await ifThere(readFile(privateFile, 'utf8'));
  const issuer = pem === undefined ? generateKeyPairSync('ed25519').privateKey : createPrivateKey(pem);
  writeIssuerKeys(issuer, privateFile, publicFile);
  return issuer;
}

async function isGood(file: string, issuer: KeyObject, nowMs: number): Promise<boolean> {
  const text = await ifThere(readFile(file, 'utf8'));
  if (text === undefined) return false;
  try {
    const { payload: license } = await verifyLicense(text, { keys: [createPublicKey(issuer)], nowMs });
    const state = serviceState({ mode: 'airgapped', licenses: [license], nowMs });
    const hasAll = licenseFeatures.every((feature) => license.features.includes(feature));
    return state.state === 'active' && state.untilMs - nowMs > renewBeforeMs && hasAll;
  } catch {
    // Damaged or of another issuer: a new one replaces it.
    return false;
  }
}

async function ensureApiKey(file: string): Promise<string> {
  const known = (await ifThere(readFile(file, 'utf8')))?.trim();
  const apiKey = known || makeApiKey();
  if (apiKey !== known) writeOwnFile(file, `${apiKey}\n`);
  return apiKey;
}

/** The id follows the key: a bucket that knows an earlier key of this machine takes this one as another. */
function keyRecord(purpose: string, apiKey: string): { id: string; sha256: string } {
  const sha256 = hashApiKey(apiKey);
  return { id: `${purpose}-${sha256.slice(0, 8)}`, sha256 };
}

const writeJson = (file: string, value: unknown): void => writeOwnFile(file, `${JSON.stringify(value, null, 2)}\n`);
