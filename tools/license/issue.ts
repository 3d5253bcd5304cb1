import { createPrivateKey, createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultGrace, signLicense, verifyLicense, type License } from '@app/licensing';
import { licenseFeatures, ProblemError } from '@app/protocol';
import { writeOwnFile } from '../own-file';
import { dateOf, dateText } from './dates';

const text = { type: 'string' } as const;
const options = {
  key: text,
  holder: text,
  id: text,
  days: text,
  expires: text,
  'not-before': text,
  deployment: text,
  features: text,
  models: text,
  'max-concurrent': text,
  'monthly-characters': text,
  'monthly-audio-seconds': text,
  'grace-expiry-days': text,
  'grace-lost-contact-days': text,
  'grace-proxy-unreachable-seconds': text,
  out: text,
} as const;
type Values = { readonly [name in keyof typeof options]?: string };

/** `npm run license -- issue`: signs a licence and writes it to `--out`, or prints it. */
export async function issueCommand(args: readonly string[], root: string, nowMs = Date.now()): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const issuer = createPrivateKey(await readFile(resolve(root, needed(values, 'key'))));
  const license = licenseOf(values, nowMs);
  const document = await signLicense(license, issuer);
  await assertReadable(document, license, issuer, nowMs);
  if (values.out === undefined) {
    console.log(document);
    return 0;
  }
  const file = resolve(root, values.out);
  writeOwnFile(file, `${document}\n`);
  console.log(`Issued ${license.jti} for ${license.sub} until ${dateText(license.exp * 1_000)}: ${file}`);
  return 0;
}

function licenseOf(values: Values, nowMs: number): License {
  const iat = Math.floor(nowMs / 1_000);
  const nbf = values['not-before'] === undefined ? iat : secondsOf(values, 'not-before');
  const exp = values.expires === undefined ? nbf + number(values, 'days', 365) * 86_400 : secondsOf(values, 'expires');
  return {
    jti: values.id ?? randomUUID(),
    sub: needed(values, 'holder'),
    ...present({ deployment: values.deployment }),
    features: featuresOf(values.features),
    ...present({ models: values.models === undefined ? undefined : listOf(values.models) }),
    limits: present({
      maxConcurrent: number(values, 'max-concurrent'),
      monthlyCharacters: number(values, 'monthly-characters'),
      monthlyAudioSeconds: number(values, 'monthly-audio-seconds'),
    }),
    iat,
    nbf,
    exp,
    grace: {
      lostContactDays: number(values, 'grace-lost-contact-days', defaultGrace.lostContactDays),
      expiryDays: number(values, 'grace-expiry-days', defaultGrace.expiryDays),
      proxyUnreachableSeconds: number(values, 'grace-proxy-unreachable-seconds', defaultGrace.proxyUnreachableSeconds),
    },
  };
}

/** A licence that the license app would refuse is not given away. */
async function assertReadable(document: string, license: License, issuer: KeyObject, nowMs: number): Promise<void> {
  const { deployment } = license;
  await verifyLicense(document, { keys: [createPublicKey(issuer)], nowMs, deployment });
}

function featuresOf(value: string | undefined): string[] {
  const features = value === undefined ? [...licenseFeatures] : listOf(value);
  const unknown = features.filter((feature) => !(licenseFeatures as readonly string[]).includes(feature));
  if (unknown.length > 0) {
    throw wrong(`--features: ${unknown.join(', ')} is unknown. There are: ${licenseFeatures.join(', ')}.`);
  }
  return features;
}

function needed(values: Values, name: keyof Values): string {
  const value = values[name];
  if (!value) throw wrong(`--${name} is missing.`);
  return value;
}

const secondsOf = (values: Values, name: keyof Values): number => Math.floor(dateOf(`--${name}`, values[name]) / 1_000);

function number(values: Values, name: keyof Values, otherwise: number): number;
function number(values: Values, name: keyof Values): number | undefined;
function number(values: Values, name: keyof Values, otherwise?: number): number | undefined {
  const value = values[name];
  if (value === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(value)) throw wrong(`--${name} must be a whole number, not ${value}.`);
  return Number(value);
}

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** The fields that have a value. */
const present = <T extends object>(fields: T): Partial<{ [name in keyof T]: NonNullable<T[name]> }> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<{
    [name in keyof T]: NonNullable<T[name]>;
  }>;

const wrong = (detail: string): ProblemError => new ProblemError('bad_request', { detail });
