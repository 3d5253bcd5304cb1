import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { ProblemError } from '@app/protocol';
import { secondsOf, testLicense } from '../../../test/support/test-license';
import { issuerKeyId, readPublicKeys } from './issuer-keys';
import { signLease } from './lease-document';
import { signLicense, verifyLicense, type Acceptance } from './license-document';

const issuer = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

const license = testLicense({
  deployment: 'prod-1',
  features: ['tts', 'stt'],
  models: ['piper'],
  limits: { maxConcurrent: 25, monthlyCharacters: 1_000_000, monthlyAudioSeconds: 3_600 },
  exp: secondsOf('2027-01-01T00:00:00Z'),
});
const acceptance: Acceptance = {
  keys: [stranger.publicKey, issuer.publicKey],
  nowMs: Date.parse('2026-06-01T00:00:00Z'),
  deployment: 'prod-1',
};

const encoded = (text: string | Buffer): string => Buffer.from(text).toString('base64url');
const header = (change: object = {}): string =>
  JSON.stringify({ alg: 'EdDSA', kid: issuerKeyId(issuer.publicKey), typ: 'antiphon-license+jwt', ...change });

/** A JWS over any header and payload, with a signature that is right. */
function signed(headerText: string, payloadText: string | Buffer, key: KeyObject = issuer.privateKey): string {
  const input = `${encoded(headerText)}.${encoded(payloadText)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

/** Why a document is refused; `accepted` where it is not. */
async function refusal(document: string, change: Partial<Acceptance> = {}): Promise<string> {
  try {
    await verifyLicense(document, { ...acceptance, ...change });
    return 'accepted';
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'license_invalid') return error.detail;
    throw error;
  }
}
const refusalOf = async (change: object): Promise<string> =>
  refusal(await signLicense({ ...license, ...change }, issuer.privateKey));

it('accepts what a trusted key signed and says which key', async () => {
  const document = await signLicense(license, issuer.privateKey);
  const verified = await verifyLicense(`\n${document}\n`, acceptance);
  expect({ ...verified.payload }).toEqual(license);
  expect(verified.keyId).toBe(issuerKeyId(issuer.publicKey));
});

it('accepts a licence without its optional fields, for any deployment', async () => {
  const { deployment: _deployment, models: _models, ...rest } = license;
  const document = await signLicense({ ...rest, limits: {} }, issuer.privateKey);
  expect(await refusal(document, { deployment: undefined })).toBe('accepted');
  expect(await refusal(document)).toBe('accepted');
});

it('makes the same document of the same licence and key', async () => {
  const [first, second] = [
    await signLicense(license, issuer.privateKey),
    await signLicense(license, issuer.privateKey),
  ];
  expect(first).toBe(second);
});

it('refuses the document when any byte of it is changed', async () => {
  const bytes = Buffer.from(await signLicense(license, issuer.privateKey));
  const accepted: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    for (const change of [0x01, 0x02, 0x04, 0x20, 0x80]) {
      const doctored = Buffer.from(bytes);
      doctored[at]! ^= change;
      if ((await refusal(doctored.toString())) === 'accepted') accepted.push(`byte ${at}`);
    }
  }
  expect(accepted).toEqual([]);
});

it('says that its content was changed', async () => {
  const document = await signLicense(license, issuer.privateKey);
  const [first, , signature] = document.split('.');
  const longer = encoded(JSON.stringify({ ...license, exp: license.exp + 1 }));
  expect(await refusal([first, longer, signature].join('.'))).toMatch(/changed after it was issued/);
});

it('refuses a key that is not trusted, also under the id of one that is', async () => {
  const foreign = await signLicense(license, stranger.privateKey);
  expect(await refusal(foreign, { keys: [issuer.publicKey] })).toMatch(/not among the trusted ones/);
  expect(await refusal(signed(header(), JSON.stringify(license), stranger.privateKey))).toMatch(/changed after/);
});

it('trusts the keys before and after a rotation', async () => {
  const documents = [await signLicense(license, issuer.privateKey), await signLicense(license, stranger.privateKey)];
  expect(await Promise.all(documents.map((document) => refusal(document)))).toEqual(['accepted', 'accepted']);
});

it.each([
  ['the algorithm none', header({ alg: 'none' }), /Its header: alg/],
  ['another algorithm', header({ alg: 'HS256' }), /Its header: alg/],
  ['the type of a lease', header({ typ: 'antiphon-lease+jwt' }), /Its type is not antiphon-license\+jwt/],
  ['a key of its own', header({ jwk: {} }), /Its header: property jwk should not exist/],
  ['an extension', header({ crit: ['b64'], b64: false }), /should not exist/],
  ['a field twice', header().replace('{', '{"alg":"EdDSA",'), /Its header: the field "alg" appears twice/],
])('refuses a header with %s', async (_what, text, reason) => {
  expect(await refusal(signed(text, JSON.stringify(license)))).toMatch(reason);
});

it('refuses a lease in place of a licence', async () => {
  const lease = { jti: 'l', license: 'lic-1', iat: license.iat, exp: license.exp, checkInSeconds: 60 };
  expect(await refusal(await signLease(lease, issuer.privateKey))).toMatch(/Its type is not antiphon-license\+jwt/);
});

it.each([
  ['a field twice', JSON.stringify(license).replace('{', '{"exp":9999999999,'), /the field "exp" appears twice/],
  ['a field twice, deeper', JSON.stringify(license).replace('"limits":{', '"limits":{"maxConcurrent":1,'), /twice/],
  ['null for a field', JSON.stringify({ ...license, models: null }), /null/],
  ['no JSON', 'licence', /JSON/],
  ['a list', '[]', /JSON object/],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not valid/],
])('refuses a payload that is signed but has %s', async (_what, payload, reason) => {
  expect(await refusal(signed(header(), payload))).toMatch(reason);
});

it('refuses an unknown field, also inside another', async () => {
  expect(await refusalOf({ note: 'hello' })).toMatch(/property note should not exist/);
  expect(await refusalOf({ grace: { ...license.grace, moreDays: 1 } })).toMatch(/grace\.property moreDays/);
});

it('refuses a document without one of its fields', async () => {
  const needed = Object.keys(license).filter((name) => !['deployment', 'models'].includes(name));
  for (const name of needed) {
    const rest = Object.fromEntries(Object.entries(license).filter(([key]) => key !== name));
    expect([name, await refusal(signed(header(), JSON.stringify(rest)))]).toEqual([
      name,
      expect.stringContaining(name),
    ]);
  }
});

it.each([
  [{ exp: license.nbf }, /nbf must be less than exp/],
  [{ exp: license.exp + 0.5 }, /exp must be an integer/],
  [{ exp: 1e15 }, /exp must not be greater/],
  [{ limits: { maxConcurrent: 0 } }, /maxConcurrent/],
  [{ features: 'tts' as never }, /features must be an array/],
  [{ models: 'piper' as never }, /models must be an array/],
  [{ grace: { ...license.grace, expiryDays: -1 } }, /expiryDays/],
  [{ deployment: 'prod-2' }, /for the deployment prod-2, and this one is prod-1/],
])('refuses a licence with %j', async (change, reason) => {
  expect(await refusalOf(change)).toMatch(reason);
});

it('refuses a licence for a deployment where this one has no name, and says what to set', async () => {
  const document = await signLicense(license, issuer.privateKey);
  expect(await refusal(document, { deployment: undefined })).toMatch(/has no name: set LICENSE_DEPLOYMENT/);
});

it('refuses a licence that is issued over five minutes in the future', async () => {
  const document = await signLicense(license, issuer.privateKey);
  const issuedMs = license.iat * 1_000;
  expect(await refusal(document, { nowMs: issuedMs - 300_000 })).toBe('accepted');
  expect(await refusal(document, { nowMs: issuedMs - 300_001 })).toMatch(
    /issued in the future, at 2026-01-01T00:00:00/,
  );
});

it('refuses over 16 KiB before it reads anything', async () => {
  const features = Array.from({ length: 2_000 }, (_, index) => `feature-${index}`);
  expect(await refusalOf({ features })).toMatch(/It has \d+ bytes; the limit is 16384\./);
});

it('refuses a document of version 0.1 and says how to issue it again', async () => {
  const old = JSON.stringify({
    license: { id: 'lic-1', expires_at: '2027-01-01T00:00:00Z' },
    signature: 'A'.repeat(86),
  });
  expect(await refusal(old)).toMatch(/Issue it again: npm run license -- issue/);
});

it.each(['', '{}', 'licence', 'a.b', 'a.b.c.d', '..', 'YQ==.YQ.YQ'])('refuses what is no JWS: %j', async (text) => {
  expect(await refusal(text)).toMatch(/It is not a compact JWS/);
});

describe('readPublicKeys', () => {
  const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;
  const codeOf = (text: string): string => {
    try {
      readPublicKeys(text);
    } catch (error) {
      return (error as ProblemError).code;
    }
    return 'accepted';
  };

  it('reads one key after the other', () => {
    const keys = readPublicKeys(pem(issuer.publicKey) + pem(stranger.publicKey));
    expect(keys.map(issuerKeyId)).toEqual([issuerKeyId(issuer.publicKey), issuerKeyId(stranger.publicKey)]);
  });

  it('refuses an empty file, another kind of key, and a damaged one', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const damaged = pem(issuer.publicKey).replace('MC', '##');
    expect(['', pem(rsa.publicKey), damaged].map(codeOf)).toEqual(Array(3).fill('license_invalid'));
  });
});
