import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NatsAppendLog } from '@app/broker';
import { readAuditRecord, usageCsv, usageGroups, usageOf, usageTable, UsageTotals } from '@app/licensing';
import { logs, ProblemError, readUsageRecord, type UsageRecord } from '@app/protocol';
import { auditLines } from './audit-export';
import { fileLines } from './file-lines';

const connectTimeoutMs = 5_000;

/** Lines of `npm run license -- --help`. */
export const usageHelp = `npm run license -- usage --month 2026-11 [OPTIONS]   total the usage of one month (UTC)

usage
  --month MONTH        the month (default: the present one)
  --by key|model       one row for each key or each model, and job kind (default: key)
  --csv                print CSV instead of a table
  --file FILE          read an export of the audit log (tar or folder), or a file with a usage or audit record a line;
                       - is standard input
                       (default: read the JetStream stream ${logs.usage.stream} from NATS_URL)`;

/** `npm run license -- usage`. Resolves to the exit code. */
export async function usageCommand(args: readonly string[], root: string, nowMs = Date.now()): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      month: { type: 'string', default: new Date(nowMs).toISOString().slice(0, 7) },
      by: { type: 'string', default: 'key' },
      csv: { type: 'boolean', default: false },
      file: { type: 'string' },
    },
  });
  const { month, file, csv } = values;
  const by = usageGroups.find((group) => group === values.by);
  if (!by) throw new ProblemError('bad_request', { detail: `--by must be ${usageGroups.join(' or ')}.` });
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) {
    throw new ProblemError('bad_request', { detail: '--month must be a month such as 2026-11.' });
  }
  const totals = new UsageTotals();
  for await (const record of file === undefined ? streamRecords() : fileRecords(resolveFile(root, file))) {
    totals.add(record);
  }
  const rows = totals.rows(by, month);
  if (csv) process.stdout.write(usageCsv(rows, by));
  else console.log(rows.length === 0 ? `No usage in ${month}.` : usageTable(rows, by));
  return 0;
}

const resolveFile = (root: string, file: string): string => (file === '-' ? file : resolve(root, file));

async function* streamRecords(): AsyncIterable<UsageRecord> {
  const servers = (process.env.NATS_URL ?? 'nats://127.0.0.1:4222').split(',');
  const log = new NatsAppendLog({ servers, name: 'license-usage', ...logs.usage, connectTimeoutMs });
  try {
    await log.start();
    for await (const { sequence, payload } of log.read(1)) {
      const record = recordsOf(payload);
      if (Array.isArray(record)) yield* record;
      else console.error(`Message ${sequence} of ${logs.usage.stream} is not counted: it is no usage record.`);
    }
  } finally {
    await log.close();
  }
}

async function* fileRecords(file: string): AsyncIterable<UsageRecord> {
  let line = 0;
  for await (const bytes of file === '-' ? fileLines(file) : auditLines(file)) {
    line++;
    const records = recordsOf(bytes);
    if (!Array.isArray(records)) throw new ProblemError('bad_request', { detail: `Line ${line}: ${records}` });
    yield* records;
  }
}

/** The usage records of a line: of an audit record, or the line itself. A sentence where it is neither. */
function recordsOf(bytes: Uint8Array): UsageRecord[] | string {
  const record = readAuditRecord(bytes);
  if (record) return usageOf(record);
  try {
    return [readUsageRecord(bytes)];
  } catch (error) {
    return ProblemError.from(error).detail;
  }
}
