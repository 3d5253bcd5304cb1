import type { AppendLog, KeyValueStore } from '@app/broker';
import type { Log } from '@app/platform';
import type { LicenseConfig } from '../license.config';
import type { ServiceStanding } from '../service-standing';
import { fileDocuments } from './file-documents';
import { Vendor } from './vendor';
import { readCa, VendorClient } from './vendor-client';

/** Bucket of what the replicas of the license app share. */
export const licenseBucket = 'antiphon-license';

/** Where the vendor's connection reads and writes; both are started before `Vendor.start`. */
export interface VendorStorage {
  readonly auditLog: AppendLog;
  readonly store: KeyValueStore;
}

/** The connection to the licence endpoint, not started yet; undefined in air-gapped mode. Throws `config_invalid`. */
export async function connectVendor(
  config: Readonly<LicenseConfig>,
  standing: ServiceStanding,
  log: Log,
  storage: VendorStorage,
): Promise<Vendor | undefined> {
  if (config.licenseMode !== 'connected') return undefined;
  return new Vendor({
    client: new VendorClient(config, { ca: await readCa(config.licenseCaFile) }),
    deployment: config.licenseDeployment,
    ...(await fileDocuments(config, standing)),
    lease: () => standing.facts().lease,
    state: () => standing.state().state,
    timeMs: () => standing.timeMs(),
    rows: () => undefined,
    ...storage,
    log,
  });
}
