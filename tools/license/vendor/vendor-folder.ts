import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckInRequest, License, TelemetryRow } from '@app/licensing';
import { AuditFile } from './audit-file';
import { ifThere, makeFolder, syncFolder, writeDurably } from './durable-file';

/** Names in the folder of a licence endpoint; docs/licensing-endpoint.md describes the whole. */
export const vendorFiles = {
  trusted: 'trusted.pem',
  licenses: 'licenses',
  revoked: 'revoked',
  holders: 'holders',
  lock: 'serve.lock',
  checkIn: 'check-in.json',
  telemetry: 'telemetry',
} as const;

/** No name of a deployment can be this one. */
const unnamed = '@unnamed';

/** The newest check-in of a deployment. */
export interface StoredCheckIn {
  /** Id of the licence. */
  readonly license: string;
  readonly holder: string;
  readonly deployment?: string;
  readonly receivedAt: string;
  readonly version: string;
  readonly state: CheckInRequest['state'];
  readonly auditKeyId?: string;
  /** Id of the lease that was the answer. */
  readonly lease: string;
  readonly leaseEnds: string;
  readonly checkInSeconds: number;
  readonly revoked: boolean;
  /** Id of the newer licence that was offered. */
  readonly latestLicense?: string;
}

/** The newest report of a deployment on a month. */
export interface StoredTelemetry {
  /** Id of the licence. */
  readonly license: string;
  readonly receivedAt: string;
  readonly month: string;
  readonly rows: readonly TelemetryRow[];
}

/** What the endpoint keeps of one deployment. Calls are carried out one after another. */
export class DeploymentFolder {
  private readonly audit: AuditFile;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly folder: string) {
    this.audit = new AuditFile(folder);
  }

  saveCheckIn(checkIn: StoredCheckIn): Promise<void> {
    return this.inTurn(() => writeJson(join(this.folder, vendorFiles.checkIn), checkIn));
  }

  saveTelemetry(report: StoredTelemetry): Promise<void> {
    return this.inTurn(() => writeJson(join(this.folder, vendorFiles.telemetry, `${report.month}.json`), report));
  }

  /** See `AuditFile.append`. */
  appendAudit(records: readonly string[], oldest?: number): Promise<number> {
    return this.inTurn(() => this.audit.append(records, oldest));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work, work);
    this.last = mine;
    return mine;
  }
}

/** The folder of a licence endpoint. */
export class VendorFolder {
  private readonly deployments = new Map<string, DeploymentFolder>();

  constructor(readonly path: string) {}

  /**
   * The folder of a deployment. It follows the holder and not the licence, so that a renewal continues the audit log and the
   * totals of a month.
   */
  deployment({ sub }: Pick<License, 'sub'>, name: string | undefined): DeploymentFolder {
    const folder = join(this.path, vendorFiles.holders, holderFolder(sub), name ?? unnamed);
    const known = this.deployments.get(folder) ?? new DeploymentFolder(folder);
    this.deployments.set(folder, known);
    return known;
  }

  /** Whether the licence is revoked now: `npm run license -- revoke` takes effect at the next check-in. */
  async isRevoked(licenseId: string): Promise<boolean> {
    return (await ifThere(stat(this.revocation(licenseId)))) !== undefined;
  }

  revoke(licenseId: string, at: string): Promise<void> {
    return writeJson(this.revocation(licenseId), { license: licenseId, at });
  }

  /** Whether there was a revocation to remove. */
  async undoRevocation(licenseId: string): Promise<boolean> {
    if (!(await this.isRevoked(licenseId))) return false;
    await rm(this.revocation(licenseId));
    await syncFolder(join(this.path, vendorFiles.revoked));
    return true;
  }

  /** The newest check-in of each deployment, the latest first. */
  async checkIns(): Promise<StoredCheckIn[]> {
    const holders = join(this.path, vendorFiles.holders);
    const names = (await ifThere(readdir(holders, { recursive: true }))) ?? [];
    const files = names.filter((name) => name.split(/[\\/]/)[2] === vendorFiles.checkIn);
    const texts = await Promise.all(files.map((name) => readFile(join(holders, name), 'utf8')));
    const found = texts.map((text) => JSON.parse(text) as StoredCheckIn);
    return found.sort((a, b) => b.receivedAt.localeCompare(a.receivedAt));
  }

  /** Makes the folders that an operator writes to. */
  async prepare(): Promise<void> {
    for (const name of [vendorFiles.licenses, vendorFiles.revoked]) await makeFolder(join(this.path, name));
  }

  private revocation(licenseId: string): string {
    return join(this.path, vendorFiles.revoked, licenseId);
  }
}

/** Readable, and different for each holder on file systems of every kind. */
export function holderFolder(holder: string): string {
  const readable = holder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  const hash = createHash('sha256').update(holder, 'utf8').digest('hex').slice(0, 12);
  return `${readable}-${hash}`.replace(/^-+/, '').replaceAll('--', '-');
}

const writeJson = (file: string, value: object): Promise<void> =>
  writeDurably(file, `${JSON.stringify(value, null, 2)}\n`);
