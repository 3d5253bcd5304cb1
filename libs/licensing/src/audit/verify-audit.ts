import type { KeyObject } from 'node:crypto';
import { readUsageRecord, type UsageRecord } from '@app/protocol';
import { UsageTotals } from '../usage';
import { auditHash, noPrevious, readAuditRecord, type AuditRecord } from './audit-record';
import { checkChain, type AuditFinding, type ChainEntry } from './chain-check';
import { isCheckpoint, verifyCheckpoint, type Checkpoint } from './checkpoint';

/** Type of the audit record that carries usage: its fact `records` is a list of usage records. */
export const usageEventType = 'usage';

/** What a check of an export found. */
export interface AuditReport {
  /** Sorted by record. None: every record is there, in order, as it was written. */
  readonly findings: readonly AuditFinding[];
  /** Lines that are records. */
  readonly records: number;
  /** The newest checkpoint whose signature one of the keys made; its record has the number `seq + 1`. */
  readonly checkpoint: Checkpoint | undefined;
  /** Usage of all records that could be read. Not to be trusted where there are findings. */
  readonly usage: UsageTotals;
}

/**
 * Checks an export of the audit log: its lines without their line ends, oldest first. `publicKeys` are the keys that the
 * deployment signs checkpoints with.
 */
export async function verifyAudit(
  lines: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  publicKeys: readonly KeyObject[],
): Promise<AuditReport> {
  const entries: ChainEntry[] = [];
  const usage = new UsageTotals();
  let checkpoint: Checkpoint | undefined;
  let newest: AuditRecord | undefined;
  for await (const bytes of lines) {
    const record = readAuditRecord(bytes);
    const signed = record && isCheckpoint(record) ? await verifyCheckpoint(record, bytes, publicKeys) : undefined;
    const used = record && usageOf(record);
    const isCheckpointOf = typeof signed === 'object';
    if (isCheckpointOf && signed.seq > (checkpoint?.seq ?? -1)) checkpoint = signed;
    entries.push({
      line: entries.length + 1,
      seq: record?.seq,
      prev: record?.prev,
      hash: auditHash(bytes),
      ...(isCheckpointOf ? { trust: 'signed' } : trustOf(record, [signed, used])),
    });
    if (Array.isArray(used)) for (const one of used) usage.add(one);
    if (record && record.seq > (newest?.seq ?? 0)) newest = record;
  }
  const anchor = checkpoint && { ...checkpoint, seq: checkpoint.seq + 1 };
  const findings = [
    ...checkStart(entries, anchor?.firstSeq),
    ...checkChain(entries, anchor),
    ...unsignedEnd(entries, anchor?.seq, newest),
  ];
  return { findings: sorted(findings), records: entries.filter((one) => one.seq).length, checkpoint, usage };
}

/** The usage records of an audit record; a sentence where it should have some that cannot be read. */
export function usageOf(record: AuditRecord): UsageRecord[] | string {
  if (record.type !== usageEventType) return [];
  try {
    return (record.records as object[]).map((one) => readUsageRecord(Buffer.from(JSON.stringify(one), 'utf8')));
  } catch {
    return 'Its usage records cannot be read.';
  }
}

function trustOf(record: AuditRecord | undefined, found: readonly unknown[]): Pick<ChainEntry, 'trust' | 'fault'> {
  const fault = record ? found.find((one) => typeof one === 'string') : 'Its line is not readable as a record.';
  return fault === undefined ? { trust: 'plain' } : { trust: 'faulty', fault };
}

/** Without a checkpoint nothing but the first record of all says where a chain begins. */
function checkStart(entries: readonly ChainEntry[], firstSeq: number | undefined): AuditFinding[] {
  const first = entries.find(({ seq }) => seq === 1);
  if (firstSeq !== undefined || !first || first.prev === noPrevious) return [];
  return [{ problem: 'changed', record: 1, detail: 'Its prev is not 64 zeros.' }];
}

/** An export ends with a checkpoint: what comes after the last one, or came, nobody vouches for. */
function unsignedEnd(
  entries: readonly ChainEntry[],
  anchorSeq: number | undefined,
  newest: AuditRecord | undefined,
): AuditFinding[] {
  if (entries.length === 0) return [{ problem: 'unsigned', record: 0, detail: 'The file has no record.' }];
  if (anchorSeq === undefined) {
    const detail = 'No record is a checkpoint that one of the keys signed.';
    return [{ problem: 'unsigned', record: 1, to: newest?.seq ?? entries.length, detail }];
  }
  const anchorLine = entries.findIndex(({ seq, trust }) => trust === 'signed' && seq === anchorSeq);
  const after = entries.slice(anchorLine + 1).filter(({ seq }) => seq === undefined || seq > anchorSeq);
  if (after.length === 0) return [];
  const to = Math.max(anchorSeq + after.length, newest?.seq ?? 0);
  const unsigned = 'No signed checkpoint follows these records: the file was cut, or its end was changed.';
  const findings: AuditFinding[] = [{ problem: 'unsigned', record: anchorSeq + 1, to, detail: unsigned }];
  if (newest && newest.seq === to && !isCheckpoint(newest)) {
    const detail = 'The checkpoint at the end of the file is not there.';
    findings.push({ problem: 'missing', record: to + 1, detail });
  }
  return findings;
}

/** One finding for each record and problem, by record. */
function sorted(findings: readonly AuditFinding[]): AuditFinding[] {
  const first = new Map<string, AuditFinding>();
  for (const finding of findings) {
    const name = `${finding.record} ${finding.problem}`;
    if (!first.has(name)) first.set(name, finding);
  }
  return [...first.values()].sort((a, b) => a.record - b.record);
}
