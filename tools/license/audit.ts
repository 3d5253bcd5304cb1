import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readPublicKeys, usageTable, verifyAudit, type AuditFinding, type AuditReport } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { fileLines } from './file-lines';

/** Name of the deployment's public key beside an export. */
const publicKeyFile = 'audit-public.pem';
/** Findings that are printed; the rest is counted. */
const maxPrinted = 100;

/** Lines of `npm run license -- --help`. */
export const auditHelp = `npm run license -- audit verify FILE [--key PEM]   check an export of the audit log and total its usage

audit verify
  --key PEM            public keys that the deployment signs checkpoints with, PEM
                       (default: ${publicKeyFile} beside the export)
  exit code            0 if every record is there, in order, as it was written; else 1`;

/** `npm run license -- audit verify FILE`. Resolves to the exit code. */
export async function auditCommand(args: readonly string[], root: string): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { key: { type: 'string' } },
  });
  const [action, name, ...more] = positionals;
  if (action !== 'verify' || name === undefined || more.length > 0) {
    throw new ProblemError('bad_request', { detail: 'Usage: npm run license -- audit verify FILE [--key PEM]' });
  }
  const file = resolve(root, name);
  const keys = await readFile(
    values.key === undefined ? join(dirname(file), publicKeyFile) : resolve(root, values.key),
    'utf8',
  );
  const report = await verifyAudit(fileLines(file), readPublicKeys(keys));
  print(name, report);
  return report.findings.length === 0 ? 0 : 1;
}

function print(name: string, { findings, records, checkpoint, usage }: AuditReport): void {
  if (checkpoint) {
    const { firstSeq, seq, iat, deployment } = checkpoint;
    const signedAt = new Date(iat * 1_000).toISOString();
    const of = deployment === undefined ? '' : ` of deployment ${deployment}`;
    console.log(`${name}: ${records} records; records ${firstSeq} to ${seq}${of} were signed at ${signedAt}`);
  }
  if (usage.records > 0) console.log(`\n${usageTable(usage.rows('key'), 'key')}\n`);
  if (usage.duplicates > 0) console.log(`${usage.duplicates} usage records were there twice and were counted once.`);
  for (const finding of findings.slice(0, maxPrinted)) console.error(lineOf(finding));
  if (findings.length > maxPrinted) console.error(`and ${findings.length - maxPrinted} more findings`);
  if (findings.length > 0) console.error('The export is not whole. Do not trust its totals.');
  else console.log('Every record is there, in order, as it was written.');
}

const lineOf = ({ problem, record, to, detail }: AuditFinding): string => {
  const numbers = to === undefined || to === record ? `record ${record}` : `records ${record} to ${to}`;
  return `${numbers}: ${problem.replaceAll('_', ' ')}. ${detail}`;
};
