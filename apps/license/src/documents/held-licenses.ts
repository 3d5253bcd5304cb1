import { isNewerLicense, type License } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { licenseEntry } from './bucket';
import { isoDate } from './descriptions';
import { faultOr, type Fault } from './fault-log';
import type { LicenseFiles } from './license-files';

/** Most installed licences in the bucket: the one in force and those that wait for their `nbf`. */
export const maxInstalled = 16;

/** A verified licence and where it came from. */
export interface HeldLicense {
  readonly license: License;
  readonly text: string;
  /** Its entry in the bucket; undefined for a file. */
  readonly entry?: string;
}

/** The licences that count, and why the others do not. */
export interface Held {
  readonly licenses: readonly HeldLicense[];
  readonly faults: readonly Fault[];
}

/** Verifies every licence of the files and of the bucket, whose entries are trusted no more than what comes from outside. */
export async function holdLicenses(
  { trust, texts }: LicenseFiles,
  entries: ReadonlyMap<string, string>,
  nowMs: number,
): Promise<Held> {
  const licenses: HeldLicense[] = [];
  const faults: Fault[] = [];
  for (const [file, text] of texts) {
    const license = await faultOr(faults, { source: file, content: text }, () => trust.license(text, nowMs));
    if (license) licenses.push({ license, text });
  }
  for (const [entry, text] of entries) {
    const license = await faultOr(faults, { source: entry, content: text }, async () => {
      const read = await trust.license(text, nowMs);
      if (licenseEntry(read.jti) === entry) return read;
      throw new ProblemError('license_invalid', { detail: 'The id of the licence is not the name of its entry.' });
    });
    if (license) licenses.push({ license, text, entry });
  }
  return { licenses, faults };
}

/**
 * The other licence because of which a licence does not count from `nowMs` on: a newer one that has begun when the first
 * one begins. Undefined if the licence counts now or later.
 */
export const supersederOf = (license: License, others: readonly License[], nowMs: number): License | undefined =>
  others.find((other) => isNewerLicense(other, license) && other.nbf * 1_000 <= Math.max(license.nbf * 1_000, nowMs));

/**
 * Throws `license_conflict` for a licence that would never count beside those that are held, and for one that exceeds
 * `maxInstalled`.
 */
export function assertInstallable(license: License, text: string, held: readonly HeldLicense[], nowMs: number): void {
  const others = held.filter((other) => other.text !== text);
  const newer = supersederOf(
    license,
    others.map((other) => other.license),
    nowMs,
  );
  if (newer) {
    const detail = `The licence ${newer.jti} is newer, issued at ${isoDate(newer.iat * 1_000)}. It stays in force.`;
    throw new ProblemError('license_conflict', { detail });
  }
  const waiting = others.filter(({ entry }) => entry !== undefined && entry !== licenseEntry(license.jti));
  if (waiting.length >= maxInstalled) {
    const detail = `${waiting.length} licences are installed. Install another one when one of them has been replaced.`;
    throw new ProblemError('license_conflict', { detail });
  }
}
