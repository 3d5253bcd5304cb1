import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { KeyValueStore } from '@app/broker';
import { issuerKeyId, readPublicKeys } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { changeEntry, raiseEntry } from '../documents/bucket';

/** Entries of the bucket `antiphon-license`: the private key that the first process made, and every public key so far. */
const auditKeyEntry = 'audit-key';
const publicKeysEntry = 'audit-public-keys';

/** The key with which a deployment signs its audit log. */
export interface AuditKey {
  readonly privateKey: KeyObject;
  /** 16 hex digits of the SHA-256 of the public key, as in the header of a checkpoint. */
  readonly keyId: string;
  readonly publicPem: string;
  /** Every public key that ever signed the log, this one last: what an export is verified with. */
  readonly publicKeysPem: string;
  /** Id of the key that this one replaced just now. */
  readonly replaced?: string;
}

/**
 * The key of the file, or, without one, the key in the bucket, which the first process of the deployment makes. Throws
 * `config_invalid` for a file or an entry that is not an Ed25519 key.
 */
export async function loadAuditKey(store: KeyValueStore, file?: string): Promise<AuditKey> {
  const pem = file === undefined ? await keptKey(store) : await readKeyFile(file);
  const privateKey = ed25519(pem, file === undefined ? `entry ${auditKeyEntry}` : 'AUDIT_KEY_FILE');
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const keyId = issuerKeyId(privateKey);
  return { privateKey, keyId, publicPem, ...(await withEarlierKeys(store, publicPem, keyId)) };
}

function keptKey(store: KeyValueStore): Promise<string> {
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return raiseEntry(store, auditKeyEntry, made, () => true);
}

/** The PEM of a key file; throws `config_invalid` where it has no private Ed25519 key. */
export async function readKeyFile(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ProblemError('config_invalid', { detail: 'AUDIT_KEY_FILE cannot be read.', cause });
  });
  ed25519(pem, 'AUDIT_KEY_FILE');
  return pem;
}

function ed25519(pem: string, what: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Without the error, which may quote the key.
  }
  throw new ProblemError('config_invalid', { detail: `${what} must be a private Ed25519 key in PKCS8 PEM.` });
}

/** Adds the public key to those that the bucket has. A bucket that was lost begins with this one. */
async function withEarlierKeys(
  store: KeyValueStore,
  publicPem: string,
  keyId: string,
): Promise<{ publicKeysPem: string; replaced?: string }> {
  let replaced: string | undefined;
  const publicKeysPem = await changeEntry(store, publicKeysEntry, (kept) => {
    replaced = undefined;
    if (kept === undefined) return publicPem;
    const newest = readPublicKeys(kept).map(issuerKeyId).at(-1);
    if (newest === keyId) return kept;
    replaced = newest;
    return `${kept.replace(publicPem, '').trimEnd()}\n${publicPem}`;
  });
  return { publicKeysPem, ...(replaced !== undefined && { replaced }) };
}
