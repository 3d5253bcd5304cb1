import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { ProblemError, validated } from '@app/protocol';
import { canonicalJson } from './canonical-json';
import { License, SignedLicense } from './license-document';

/** Stable id of an issuer's key: 16 hex digits of the SHA-256 of its public half. */
export function issuerKeyId(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** Signs a licence with an issuer's private Ed25519 key. The id of the key is part of the signed content. */
export function signLicense(license: Omit<License, 'key_id'>, privateKey: KeyObject): SignedLicense {
  const complete = { ...license, key_id: issuerKeyId(privateKey) };
  return { license: complete, signature: sign(null, signedBytes(complete), privateKey).toString('base64url') };
}

/**
 * The licence of a document that one of the trusted keys signed. Throws `license_invalid` if it is not a licence, its
 * issuer is not trusted, or its content was changed after signing. The detail says which.
 */
export function verifyLicense(document: unknown, publicKeys: readonly KeyObject[]): License {
  const { license: payload, signature } = asLicense(() => validated(SignedLicense, document));
  const license = asLicense(() => validated(License, payload));
  const key = publicKeys.find((candidate) => issuerKeyId(candidate) === license.key_id);
  if (!key) throw invalid(`It is signed with the key ${license.key_id}, which is not among the trusted ones.`);
  const bytes = Buffer.from(signature, 'base64url');
  // The last character holds four bits that decoding ignores.
  const isExact = bytes.toString('base64url') === signature;
  if (!isExact || !verify(null, signedBytes(payload), key, bytes)) {
    throw invalid('Its content does not match its signature: it was changed after it was issued.');
  }
  if (Date.parse(license.expires_at) <= Date.parse(license.issued_at)) throw invalid('It expires before it is issued.');
  return Object.freeze(license);
}

/** Reads trusted public keys from PEM blocks. Throws `license_invalid` if one is not an Ed25519 key. */
export function readPublicKeys(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  const keys = blocks.map(publicKeyOf);
  if (keys.length === 0) throw invalid('The file of trusted keys has no public key in PEM form.');
  return keys;
}

function publicKeyOf(block: string): KeyObject {
  try {
    const key = createPublicKey(block);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw invalid('A trusted key could not be read.', error);
  }
  throw invalid('A trusted key is not an Ed25519 key.');
}

const signedBytes = (license: object): Buffer => Buffer.from(canonicalJson(license), 'utf8');

const invalid = (detail: string, cause?: unknown): ProblemError =>
  new ProblemError('license_invalid', { detail: `The licence cannot be used. ${detail}`, cause });

function asLicense<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalid(`It is not a licence document: ${ProblemError.from(error).detail}`, error);
  }
}
