import { createHash } from 'node:crypto';

/** What an audit record says. `facts` are JSON values without secrets, text or audio; they may not be named as its own fields. */
export interface AuditEvent {
  /** When it happened, in UTC. */
  readonly at: string;
  /** What happened: `license_installed`, `key_revoked`, `usage`. */
  readonly type: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** An audit record as it was read. Its facts are beside its own fields. */
export interface AuditRecord extends Readonly<Record<string, unknown>> {
  /** 1 for the first record of a deployment, then one more for each. */
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  /** `auditHash` of the record before; `noPrevious` in the first. */
  readonly prev: string;
}

const ownFields = ['seq', 'at', 'type', 'prev'];

/** `prev` of the first record. */
export const noPrevious = '0'.repeat(64);

/** SHA-256, in hex, of the exact bytes of a record. */
export const auditHash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * The bytes of the record that follows `last` (undefined: of the first one): JSON in UTF-8 without white space and without a
 * line end, with seq, at and type first and prev last. Throws where `last` is not a record: nothing can follow it.
 */
export function auditRecord(last: Uint8Array | undefined, { at, type, facts = {} }: AuditEvent): Uint8Array {
  const taken = ownFields.find((field) => Object.hasOwn(facts, field));
  if (taken !== undefined) throw new TypeError(`A fact of an audit record may not be named ${taken}.`);
  const seq = last === undefined ? 1 : followed(last).seq + 1;
  const prev = last === undefined ? noPrevious : auditHash(last);
  return Buffer.from(JSON.stringify({ seq, at, type, ...facts, prev }), 'utf8');
}

/** The record of these bytes; undefined where they are not a record. */
export function readAuditRecord(bytes: Uint8Array): AuditRecord | undefined {
  try {
    // Strict: other bytes must not read as the same text.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as Partial<AuditRecord> | null;
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isRecord = (value: Partial<AuditRecord> | null): value is AuditRecord =>
  typeof value === 'object' &&
  value !== null &&
  Number.isSafeInteger(value.seq) &&
  (value.seq ?? 0) >= 1 &&
  [value.at, value.type, value.prev].every((field) => typeof field === 'string');

function followed(last: Uint8Array): AuditRecord {
  const record = readAuditRecord(last);
  if (!record) throw new TypeError('The newest record of the audit log is not readable.');
  return record;
}
