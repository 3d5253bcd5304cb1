import { readFile } from 'node:fs/promises';
import { verifyLease, verifyLicense } from '@app/licensing';
import { readAcceptance, type LicenseFileSettings } from '../license-files';
import type { ServiceStanding } from '../service-standing';
import type { VendorParts } from './vendor';

/** The licence texts of the files that were read at start, and leases that live as long as this process. */
export async function fileDocuments(
  settings: LicenseFileSettings,
  standing: ServiceStanding,
): Promise<Pick<VendorParts, 'licenseText' | 'takeLease'>> {
  const acceptance = await readAcceptance(settings, Date.now());
  const texts = new Map<string, string>();
  for (const file of settings.licenseFile) {
    const text = (await readFile(file, 'utf8')).trim();
    texts.set((await verifyLicense(text, acceptance)).payload.jti, text);
  }
  return {
    licenseText: () => texts.get(standing.license()?.jti ?? ''),
    takeLease: async (text) => standing.renew((await verifyLease(text, acceptance)).payload),
  };
}
