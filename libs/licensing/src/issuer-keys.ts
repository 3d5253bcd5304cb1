import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { ProblemError } from '@app/protocol';

/** Stable id of an issuer's key: 16 hex digits of the SHA-256 of its public half in SPKI DER. */
export function issuerKeyId(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** Reads trusted public keys: PEM blocks, one after the other. Throws `license_invalid` where one is not an Ed25519 key. */
export function readPublicKeys(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw invalid('The file of trusted keys has no public key in PEM form.');
  return blocks.map(publicKeyOf);
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

const invalid = (detail: string, cause?: unknown): ProblemError =>
  new ProblemError('license_invalid', { detail, cause });
