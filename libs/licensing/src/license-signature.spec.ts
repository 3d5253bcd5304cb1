import { generateKeyPairSync } from 'node:crypto';
import { ProblemError } from '@app/protocol';
import type { License } from './license-document';
import { issuerKeyId, readPublicKeys, signLicense, verifyLicense } from './license-signature';

const issuer = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

const content: Omit<License, 'key_id'> = {
  id: 'lic-1',
  holder: 'Example Ltd',
  features: ['tts', 'stt'],
  limits: { maxConcurrent: 25 },
  issued_at: '2026-01-01T00:00:00Z',
  expires_at: '2027-01-01T00:00:00Z',
  grace_days: 7,
};

const signed = signLicense(content, issuer.privateKey);
const trusted = [stranger.publicKey, issuer.publicKey];

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return error.code;
    throw error;
  }
  return 'accepted';
};

it('accepts what a trusted key signed and says who issued it', () => {
  expect(verifyLicense(signed, trusted)).toEqual({ ...content, key_id: issuerKeyId(issuer.publicKey) });
});

it('accepts the same content in another layout and order', () => {
  const { license, signature } = signed;
  const reordered = Object.fromEntries(Object.entries(license).reverse());
  const text = JSON.stringify({ signature, license: reordered }, null, 4);
  expect(verifyLicense(JSON.parse(text), trusted).id).toBe('lic-1');
});

it('refuses the file when any byte of it is changed', () => {
  const text = Buffer.from(JSON.stringify(signed));
  const accepted: string[] = [];
  for (let at = 0; at < text.length; at++) {
    for (const change of [0x01, 0x02, 0x10, 0x20, 0x80]) {
      const doctored = Buffer.from(text);
      doctored[at]! ^= change;
      if (codeOf(() => verifyLicense(parsed(doctored), trusted)) === 'accepted') accepted.push(doctored.toString());
    }
  }
  expect(accepted).toEqual([]);
});

/** What is no JSON at all is refused like any other document that is not a licence. */
function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

it.each([
  ['a feature added', { features: ['tts', 'stt', 'catalogue'] }],
  ['a later end', { expires_at: '2037-01-01T00:00:00Z' }],
  ['a limit lifted', { limits: {} }],
  ['a longer grace', { grace_days: 700 }],
  ['an unknown field', { note: 'hello' }],
])('refuses a document with %s', (_what, change) => {
  const doctored = { ...signed, license: { ...signed.license, ...change } };
  expect(codeOf(() => verifyLicense(doctored, trusted))).toBe('license_invalid');
});

it('refuses a document without one of its fields', () => {
  for (const name of Object.keys(signed.license)) {
    const license = Object.fromEntries(Object.entries(signed.license).filter(([key]) => key !== name));
    expect([name, codeOf(() => verifyLicense({ ...signed, license }, trusted))]).toEqual([name, 'license_invalid']);
  }
});

it('refuses a signature of a key that is not trusted, also under the name of one that is', () => {
  expect(codeOf(() => verifyLicense(signed, [stranger.publicKey]))).toBe('license_invalid');
  const forged = signLicense(content, stranger.privateKey);
  const renamed = { ...forged, license: { ...forged.license, key_id: issuerKeyId(issuer.publicKey) } };
  expect(codeOf(() => verifyLicense(renamed, trusted))).toBe('license_invalid');
});

it('refuses a licence that ends before it begins', () => {
  const backwards = signLicense({ ...content, expires_at: '2025-01-01T00:00:00Z' }, issuer.privateKey);
  expect(codeOf(() => verifyLicense(backwards, trusted))).toBe('license_invalid');
});

describe('readPublicKeys', () => {
  const pem = (key: typeof issuer.publicKey): string => key.export({ type: 'spki', format: 'pem' }) as string;

  it('reads one key after the other', () => {
    const keys = readPublicKeys(pem(issuer.publicKey) + pem(stranger.publicKey));
    expect(keys.map(issuerKeyId)).toEqual([issuerKeyId(issuer.publicKey), issuerKeyId(stranger.publicKey)]);
  });

  it('refuses an empty file, another kind of key, and a damaged one', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(codeOf(() => readPublicKeys(''))).toBe('license_invalid');
    expect(codeOf(() => readPublicKeys(pem(rsa.publicKey)))).toBe('license_invalid');
    expect(codeOf(() => readPublicKeys(pem(issuer.publicKey).replace('MC', '##')))).toBe('license_invalid');
  });
});
