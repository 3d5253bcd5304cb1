import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  auditKeysName,
  issuerKeyId,
  readPublicKeys,
  usageTable,
  verifyAudit,
  type AuditFinding,
  type AuditReport,
} from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { auditLines, downloadExport, exportFile } from './audit-export';
import { licenseAppOf, licenseAppOptions } from './license-api';

/** Findings that are printed; the rest is counted. */
const maxPrinted = 100;

/** Lines of `npm run license -- --help`. */
export const auditHelp = `npm run license -- audit export --out FILE       get the audit log and the usage records as a tar
npm run license -- audit verify FILE [--key PEM]   check an export of the audit log and total its usage

audit export
  --out FILE           tar to write
  --data DIR           data folder of a stack that npm run up started (default: .antiphon in the repository)
  --url URL            base URL of another license app
  --key KEY            admin key for --url (default: the variable ANTIPHON_ADMIN_KEY)

audit verify
  FILE                 the tar, a folder with its files, or a file with one audit record a line
  --key PEM            public keys that the deployment signs checkpoints with, PEM
                       (default: ${auditKeysName} in the export or beside it)
  exit code            0 if every record is there, in order, as it was written; else 1`;

const usage = 'Usage: npm run license -- audit verify FILE [--key PEM], or audit export --out FILE';

/** `npm run license -- audit verify FILE` and `audit export --out FILE`. Resolves to the exit code. */
export async function auditCommand(args: readonly string[], root: string): Promise<number> {
  const options = { out: { type: 'string' }, ...licenseAppOptions } as const;
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  const [action, name, ...more] = positionals;
  if (action === 'export' && name === undefined && values.out !== undefined) {
    await downloadExport(licenseAppOf(values, root), resolve(root, values.out));
    console.log(`Wrote ${values.out}. Check it: npm run license -- audit verify ${values.out}`);
    return 0;
  }
  if (action !== 'verify' || name === undefined || more.length > 0) {
    throw new ProblemError('bad_request', { detail: usage });
  }
  return verify(name, resolve(root, name), values.key === undefined ? undefined : resolve(root, values.key));
}

async function verify(name: string, file: string, keyFile: string | undefined): Promise<number> {
  const own = keyFile === undefined ? await exportFile(file, auditKeysName) : undefined;
  const keys = readPublicKeys(own ?? (await readFile(keyFile ?? join(dirname(file), auditKeysName), 'utf8')));
  const report = await verifyAudit(auditLines(file), keys);
  print(name, report);
  if (own !== undefined) {
    console.log(`The keys are those of the export itself: ${keys.map(issuerKeyId).join(', ')}. Compare their ids.`);
  }
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
