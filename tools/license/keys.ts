import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { issuerKeyId } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { writeOwnFile } from '../own-file';

/** Names of the files of an issuer's keys, in PEM. */
export const issuerFiles = { privateKey: 'issuer-private.pem', publicKey: 'issuer-public.pem' } as const;

/** `npm run license -- keys`: makes the keys of an issuer; keys that are there are never overwritten. */
export async function keysCommand(args: readonly string[], root: string): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { folder: { type: 'string', default: '.' } } });
  const folder = resolve(root, values.folder);
  const [privateFile, publicFile] = [join(folder, issuerFiles.privateKey), join(folder, issuerFiles.publicKey)];
  for (const file of [privateFile, publicFile]) {
    if (existsSync(file)) throw new ProblemError('bad_request', { detail: `${file} exists. Choose another --folder.` });
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  writeIssuerKeys(privateKey, privateFile, publicFile);
  console.log(`Key id: ${issuerKeyId(privateKey)}`);
  console.log(`Private key, to sign licences; keep it secret: ${privateFile}`);
  console.log(`Public key, for LICENSE_PUBLIC_KEY_FILE: ${publicFile}`);
  return 0;
}

/** Writes an issuer's private key and its public half. */
export function writeIssuerKeys(privateKey: KeyObject, privateFile: string, publicFile: string): void {
  writeOwnFile(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  writeOwnFile(publicFile, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string);
}
