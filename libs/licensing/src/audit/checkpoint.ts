import type { KeyObject } from 'node:crypto';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { idPattern, ProblemError } from '@app/protocol';
import { maxNumericDate } from '../license-document';
import { signDocument, unverifiedClaims, verifyDocument, type DocumentKind } from '../signed-document';
import { auditHash, auditRecord, readAuditRecord, type AuditRecord } from './audit-record';

const sha256Pattern = /^[0-9a-f]{64}$/;

/** What a deployment signs of its audit log: where it begins and how it ends. */
export class Checkpoint {
  /** The deployment, where its licence names one. */
  @IsOptional()
  @Matches(idPattern)
  readonly deployment?: string;

  /** When it was signed, in seconds since 1970. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  readonly iat!: number;

  /** The newest record. */
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly seq!: number;

  /** `auditHash` of the newest record. */
  @Matches(sha256Pattern)
  readonly hash!: string;

  /** The oldest record that was kept. */
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly firstSeq!: number;

  /** `prev` of the oldest record. */
  @Matches(sha256Pattern)
  readonly firstPrev!: string;
}

const kind: DocumentKind<Checkpoint> = {
  typ: 'antiphon-checkpoint+jwt',
  name: 'checkpoint',
  maxBytes: 2_048,
  payload: Checkpoint,
};

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
  const stated = typeof newest.checkpoint === 'string' ? unverifiedClaims<Checkpoint>(newest.checkpoint) : {};
  if (stated.firstSeq === oldest.seq) return undefined;
  const checkpoint: Checkpoint = {
    ...(deployment === undefined ? {} : { deployment }),
    iat: Math.floor(nowMs / 1_000),
    seq: newest.seq,
    hash: auditHash(last),
    firstSeq: oldest.seq,
    firstPrev: oldest.prev,
  };
  const jws = await signDocument(kind, checkpoint, privateKey);
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
  // Reading a document ignores white space around it; a record has none.
  if (typeof jws !== 'string' || jws !== jws.trim()) return 'It is not a signed checkpoint.';
  let checkpoint: Checkpoint;
  try {
    checkpoint = (await verifyDocument(kind, jws, publicKeys)).payload;
  } catch (error) {
    return ProblemError.from(error).detail;
  }
  if (checkpoint.seq + 1 !== seq) return 'It is the checkpoint of another record.';
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
