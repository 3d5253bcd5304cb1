import type { KeyValueStore } from '@app/broker';
import { ProblemError } from '@app/protocol';

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

/** Attempts to change an entry that others change at the same time. */
const maxAttempts = 10;

/**
 * Changes an entry, whatever other processes do meanwhile. `next` gives the value that takes the place of the present one
 * (undefined: there is none), or the present one to let it stay. Resolves to the value that the entry has then. Rejects with
 * `bus_unavailable`.
 */
export async function changeEntry(
  store: KeyValueStore,
  entry: string,
  next: (present: string | undefined) => string | Promise<string>,
): Promise<string> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const present = await store.get(entry);
    const value = await next(present);
    if (value === present) return value;
    if (present !== undefined) {
      if (await store.replace(entry, present, value)) return value;
    } else if (await store.create(entry, value)) return value;
    // The entry was deleted, after which it cannot be created.
    else if ((await store.get(entry)) === undefined) await store.put(entry, value);
  }
  throw new ProblemError('bus_unavailable', { detail: `The entry ${entry} cannot be stored.` });
}

/** Stores a value unless the present one `stays`: see `changeEntry`. */
export const raiseEntry = (
  store: KeyValueStore,
  entry: string,
  value: string,
  stays: (present: string) => boolean | Promise<boolean>,
): Promise<string> =>
  changeEntry(store, entry, async (present) => (present !== undefined && (await stays(present)) ? present : value));
