import type { KeyObject } from 'node:crypto';
import { CompactSign, compactVerify, decodeProtectedHeader } from 'jose';
import { issuerKeyId } from '../license-signature';
import { auditHash, auditRecord, readAuditRecord, type AuditRecord } from './audit-record';

/** `typ` of the JWS of a checkpoint. */
export const checkpointType = 'antiphon-checkpoint+jwt';

/** What a deployment signs of its audit log: where it begins and how it ends. */
export interface Checkpoint {
  /** The deployment, where its licence names one. */
  readonly deployment?: string;
  /** When it was signed, in seconds since 1970. */
  readonly iat: number;
  /** The newest record, and its hash. */
  readonly seq: number;
  readonly hash: string;
  /** The oldest record that was kept, and its `prev`. */
  readonly firstSeq: number;
  readonly firstPrev: string;
}

/** What a checkpoint is made of. */
export interface CheckpointOptions {
  /** The newest record of the log. */
  readonly last: Uint8Array;
  /** The oldest record that the log still holds. */
  readonly first: Uint8Array;
  /** The deployment's private Ed25519 key. */
  readonly privateKey: KeyObject;
  readonly deployment?: string | undefined;
  readonly nowMs: number;
}

/**
 * The bytes of the checkpoint record that follows `last`. undefined where `last` is a checkpoint that says the same already.
 */
export async function checkpointRecord(options: CheckpointOptions): Promise<Uint8Array | undefined> {
  const { last, first, privateKey, deployment, nowMs } = options;
  const [newest, oldest] = [readAuditRecord(last), readAuditRecord(first)];
  if (!newest || !oldest) throw new TypeError('A checkpoint is made of the oldest and the newest record.');
  const stated = typeof newest.checkpoint === 'string' ? claimsOf(newest.checkpoint) : undefined;
  if (stated?.firstSeq === oldest.seq) return undefined;
  const checkpoint: Checkpoint = {
    ...(deployment === undefined ? {} : { deployment }),
    iat: Math.floor(nowMs / 1_000),
    seq: newest.seq,
    hash: auditHash(last),
    firstSeq: oldest.seq,
    firstPrev: oldest.prev,
  };
  const jws = await new CompactSign(Buffer.from(JSON.stringify(checkpoint), 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', kid: issuerKeyId(privateKey), typ: checkpointType })
    .sign(privateKey);
  return auditRecord(last, eventOf(checkpoint, jws));
}

/** Whether a record is a checkpoint, or says that it is. */
export const isCheckpoint = ({ type, checkpoint }: AuditRecord): boolean =>
  type === 'checkpoint' || checkpoint !== undefined;

/**
 * The checkpoint of a record whose signature, by one of the keys, covers every byte of it; else a sentence that says what is
 * wrong with it.
 */
export async function verifyCheckpoint(
  { seq, at, prev, checkpoint: jws }: AuditRecord,
  bytes: Uint8Array,
  publicKeys: readonly KeyObject[],
): Promise<Checkpoint | string> {
  if (typeof jws !== 'string' || !isExact(jws)) return 'It is not a signed checkpoint.';
  const { kid, typ } = headerOf(jws);
  if (typ !== checkpointType) return `The type of its signature is not ${checkpointType}.`;
  const key = publicKeys.find((candidate) => issuerKeyId(candidate) === kid);
  if (!key) return `It is signed with a key that was not given: ${String(kid)}.`;
  try {
    await compactVerify(jws, key, { algorithms: ['EdDSA'] });
  } catch {
    return 'Its signature does not match its content.';
  }
  const checkpoint = claimsOf(jws);
  if (!checkpoint || checkpoint.seq + 1 !== seq) return 'It is the checkpoint of another record.';
  // The record has no other bytes than those that follow from what is signed.
  const { at: signedAt, type, facts } = eventOf(checkpoint, jws);
  const whole = JSON.stringify({ seq, at: signedAt, type, ...facts, prev: checkpoint.hash });
  if (at !== signedAt || prev !== checkpoint.hash || !Buffer.from(whole, 'utf8').equals(bytes)) {
    return 'It is not as it was signed.';
  }
  return checkpoint;
}

const eventOf = ({ iat }: Checkpoint, jws: string) => ({
  at: new Date(iat * 1_000).toISOString(),
  type: 'checkpoint',
  facts: { checkpoint: jws },
});

/** The last character of base64url may hold bits that decoding ignores. */
const isExact = (jws: string): boolean =>
  jws.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);

function headerOf(jws: string): { readonly kid?: unknown; readonly typ?: unknown } {
  try {
    return decodeProtectedHeader(jws);
  } catch {
    return {};
  }
}

function claimsOf(jws: string): Checkpoint | undefined {
  try {
    return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) as Checkpoint;
  } catch {
    return undefined;
  }
}
