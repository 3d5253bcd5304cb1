import type { KeyObject } from 'node:crypto';
import { Equals, IsString, Matches } from 'class-validator';
import { CompactSign, compactVerify } from 'jose';
import { ProblemError, validated } from '@app/protocol';
import { issuerKeyId } from './issuer-keys';
import { parseStrictJson } from './strict-json';

/** A kind of signed document: what its header names it, what messages call it, its limit, and the class of its payload. */
export interface DocumentKind<T extends object> {
  readonly typ: string;
  readonly name: string;
  readonly maxBytes: number;
  readonly payload: new () => T;
}

/** The payload of a document whose signature was verified, and the id of the key that signed it. */
export interface VerifiedDocument<T extends object> {
  readonly payload: Readonly<T>;
  readonly keyId: string;
}

class DocumentHeader {
  @Equals('EdDSA')
  alg!: string;

  @Matches(/^[0-9a-f]{16}$/)
  kid!: string;

  @IsString()
  typ!: string;
}

/** A compact JWS with Ed25519 over the JSON of the payload, its fields in the order of the object. */
export function signDocument<T extends object>(
  kind: DocumentKind<T>,
  payload: T,
  privateKey: KeyObject,
): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(payload), 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', kid: issuerKeyId(privateKey), typ: kind.typ })
    .sign(privateKey);
}

/**
 * Verifies a compact JWS; white space around it is ignored. Rejects with `license_invalid`, whose detail says what is wrong:
 * its size or form, an unknown or repeated field, a key that is not trusted, or content that was changed after signing.
 */
export async function verifyDocument<T extends object>(
  kind: DocumentKind<T>,
  text: string,
  publicKeys: readonly KeyObject[],
): Promise<VerifiedDocument<T>> {
  const invalid = (reason: string, cause?: unknown): ProblemError => invalidDocument(kind, reason, cause);
  const document = text.trim();
  const bytes = Buffer.byteLength(document, 'utf8');
  if (bytes > kind.maxBytes) throw invalid(`It has ${bytes} bytes; the limit is ${kind.maxBytes}.`);
  if (isOldEnvelope(document)) {
    throw invalid('It has the form of version 0.1, which is no longer read. Issue it again: npm run license -- issue.');
  }
  const parts = document.split('.');
  const [header = '', payload = ''] = parts;
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) {
    throw invalid('It is not a compact JWS, which is three parts in base64url with a dot between them.');
  }
  const { kid, typ } = read(DocumentHeader, header, (reason, cause) => invalid(`Its header: ${reason}`, cause));
  if (typ !== kind.typ) throw invalid(`Its type is not ${kind.typ}.`);
  const key = publicKeys.find((candidate) => issuerKeyId(candidate) === kid);
  if (!key) throw invalid(`It is signed with the key ${kid}, which is not among the trusted ones.`);
  try {
    await compactVerify(document, key, { algorithms: ['EdDSA'] });
  } catch (error) {
    throw invalid('Its content does not match its signature: it was changed after it was issued.', error);
  }
  return { payload: Object.freeze(read(kind.payload, payload, invalid)), keyId: kid };
}

/** A `license_invalid` whose detail names the kind of document and the reason. */
export const invalidDocument = (
  { name }: Pick<DocumentKind<object>, 'name'>,
  reason: string,
  cause?: unknown,
): ProblemError => new ProblemError('license_invalid', { detail: `The ${name} cannot be used. ${reason}`, cause });

function read<T extends object>(
  type: new () => T,
  part: string,
  invalid: (reason: string, cause: unknown) => ProblemError,
): T {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url'));
    return validated(type, parseStrictJson(text), { unknownFields: 'refused' });
  } catch (error) {
    throw invalid(error instanceof ProblemError ? error.detail : `${(error as Error).message}.`, error);
  }
}

/** Decoding ignores the spare bits of the last character, so that several texts could mean the same bytes. */
const isCanonicalBase64url = (part: string): boolean =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;

function isOldEnvelope(document: string): boolean {
  if (!document.startsWith('{')) return false;
  try {
    const value = JSON.parse(document) as object;
    return 'license' in value && 'signature' in value;
  } catch {
    return false;
  }
}

/** What a document states, before its signature is verified; nothing where it is not readable. */
export function unverifiedClaims<T extends object>(text: string): Partial<T> {
  try {
    const payload = Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8');
    return (JSON.parse(payload) as Partial<T> | null) ?? {};
  } catch {
    return {};
  }
}
