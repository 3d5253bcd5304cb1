import type { AppendLog, LogRecord } from '@app/broker';
import { readAuditRecord } from '@app/licensing';

/** Records in the order of the chain, as their exact text. */
export interface AuditBatch {
  readonly records: readonly string[];
  /** `seq` of the first and of the last of them; of no record where there is none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** `seq` of the oldest record that the log still has. */
  readonly oldestSeq: number;
}

/** The audit log has bytes that are no audit record. */
export class UnreadableRecord extends Error {}

/** The number of an audit record; throws UnreadableRecord. */
export function seqOf({ sequence, payload }: LogRecord): number {
  const record = readAuditRecord(payload);
  if (!record) throw new UnreadableRecord(`The record at sequence ${sequence} of the log is no audit record.`);
  return record.seq;
}

/**
 * The records that follow the one numbered `seq`, as many as fit. The numbers of the chain and the sequence numbers of the
 * log differ by a constant: the oldest record that is left has both. At least one record is given where there is any.
 */
export async function batchAfter(log: AppendLog, seq: number, maxBytes: number): Promise<AuditBatch> {
  const oldest = await log.first();
  if (!oldest) return nothing;
  const oldestSeq = seqOf(oldest);
  const likely = oldest.sequence + Math.max(0, seq + 1 - oldestSeq);
  const batch = await collect(log, likely, seq, maxBytes);
  // The difference is not constant where a log was put together from others.
  const skipped = likely > oldest.sequence && batch.firstSeq > seq + 1;
  return { ...(skipped ? await collect(log, oldest.sequence, seq, maxBytes) : batch), oldestSeq };
}

const nothing: AuditBatch = { records: [], firstSeq: 0, lastSeq: 0, oldestSeq: 0 };

async function collect(
  log: AppendLog,
  from: number,
  afterSeq: number,
  maxBytes: number,
): Promise<Omit<AuditBatch, 'oldestSeq'>> {
  const records: string[] = [];
  let [bytes, firstSeq, lastSeq] = [0, 0, 0];
  for await (const record of log.read(from)) {
    const seq = seqOf(record);
    if (seq <= afterSeq) continue;
    const text = Buffer.from(record.payload).toString('utf8');
    // With the comma that follows it.
    bytes += Buffer.byteLength(JSON.stringify(text)) + 1;
    if (bytes > maxBytes && records.length > 0) break;
    if (records.length === 0) firstSeq = seq;
    records.push(text);
    lastSeq = seq;
  }
  return { records, firstSeq, lastSeq };
}
