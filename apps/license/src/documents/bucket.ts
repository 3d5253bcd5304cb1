import type { KeyValueStore } from '@app/broker';

/** The JetStream key/value bucket of what all license processes share besides API keys. */
export const licenseBucket = 'antiphon-license';

/** The entry with the high-water mark: milliseconds since 1970, in decimal. */
export const markEntry = 'mark';

/** The entry with the newest lease, a compact JWS. */
export const leaseEntry = 'lease';

const licensePrefix = 'license_';

/** The entry with an installed licence, a compact JWS. */
export const licenseEntry = (licenseId: string): string => `${licensePrefix}${licenseId}`;

/** Whether an entry is one of `licenseEntry`. */
export const isLicenseEntry = (entry: string): boolean => entry.startsWith(licensePrefix);

/**
 * Stores a value unless the present one `stays`, whatever other processes do meanwhile. Resolves to the value that the entry
 * has then.
 */
export async function raiseEntry(
  store: KeyValueStore,
  entry: string,
  value: string,
  stays: (present: string) => boolean | Promise<boolean>,
): Promise<string> {
  for (;;) {
    const present = await store.get(entry);
    if (present !== undefined && (present === value || (await stays(present)))) return present;
    if (present !== undefined && (await store.replace(entry, present, value))) return value;
    if (present !== undefined || (await store.create(entry, value))) continue;
    // The entry was deleted, after which it cannot be created.
    if ((await store.get(entry)) === undefined) await store.put(entry, value);
  }
}
