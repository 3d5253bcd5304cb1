import type { KeyValueStore } from '@app/broker';
import type { Log } from '@app/platform';
import type { AuditLogs } from '../audit/audit-logs';
import type { LicenseStore } from '../documents/license-store';
import type { LicenseConfig } from '../license.config';
import type { MonthlyUsage } from '../quota/monthly-usage';
import type { ServiceStanding } from '../service-standing';
import { Vendor } from './vendor';
import { readCa, VendorClient } from './vendor-client';

/** What the vendor's connection reads and writes; all is started before `Vendor.start`. */
export interface VendorSources {
  readonly documents: LicenseStore;
  readonly usage: MonthlyUsage;
  readonly audit: AuditLogs;
  /** Bucket of what the license processes share. */
  readonly store: KeyValueStore;
}

/** The connection to the licence endpoint, not started yet; undefined in air-gapped mode. Throws `config_invalid`. */
export async function connectVendor(
  config: Readonly<LicenseConfig>,
  standing: ServiceStanding,
  log: Log,
  { documents, usage, audit, store }: VendorSources,
): Promise<Vendor | undefined> {
  if (config.licenseMode !== 'connected') return undefined;
  return new Vendor({
    client: new VendorClient(config, { ca: await readCa(config.licenseCaFile) }),
    deployment: config.licenseDeployment,
    licenseText: () => documents.licenseText(),
    takeLease: (text) => documents.takeLease(text),
    lease: () => standing.facts().lease,
    state: () => standing.state().state,
    timeMs: () => standing.timeMs(),
    rows: (month) => (usage.isRead ? usage.rows(month) : undefined),
    auditLog: audit.logs.audit,
    auditKeyId: () => audit.keyId,
    store,
    log,
  });
}
