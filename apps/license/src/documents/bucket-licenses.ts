import type { KeyValueStore } from '@app/broker';
import { isNewerLicense, type License } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { isLicenseEntry, licenseEntry, raiseEntry } from './bucket';
import { supersederOf, type HeldLicense } from './held-licenses';
import type { Trust } from './trust';

/** The installed licences of the bucket. Whether they count is for others to verify. */
export class BucketLicenses {
  /** Text by entry. */
  private entries = new Map<string, string>();

  constructor(private readonly store: KeyValueStore) {}

  get texts(): ReadonlyMap<string, string> {
    return this.entries;
  }

  /** Takes the whole bucket. */
  takeAll(entries: ReadonlyMap<string, string>): void {
    this.entries = new Map([...entries].filter(([entry]) => isLicenseEntry(entry)));
  }

  /** Takes a change of an entry; undefined if it was deleted. */
  take(entry: string, text: string | undefined): void {
    if (text === undefined) this.entries.delete(entry);
    else this.entries.set(entry, text);
  }

  /** Whether this very document is there. */
  has(license: License, text: string): boolean {
    return this.entries.get(licenseEntry(license.jti)) === text;
  }

  /**
   * Stores a verified licence, in place of an older one of the same id. Rejects with `bus_unavailable`, and with
   * `license_conflict` if the one there is newer, or has begun when this one has not: service would end at once.
   */
  async put(license: License, text: string, trust: Trust, nowMs: number): Promise<void> {
    const entry = licenseEntry(license.jti);
    await raiseEntry(this.store, entry, text, async (present) => {
      const other = await trust.license(present, nowMs).catch(() => undefined);
      if (other && (isNewerLicense(other, license) || endsService(license, other, nowMs))) throw sameId(license);
      return false;
    });
    this.entries.set(entry, text);
  }

  /**
   * Puts back the installed licences that NATS lost with its disk or by the restore of an older backup, unless they can
   * never count again. Resolves to them.
   */
  async putBack(before: readonly HeldLicense[], markMs: number): Promise<License[]> {
    const lost = before.filter(({ entry }) => entry !== undefined && !this.entries.has(entry));
    const licenses = before.map(({ license }) => license);
    const wanted = lost.filter(({ license }) => !supersederOf(license, licenses, markMs));
    // What is known counts, even if NATS is lost again meanwhile.
    for (const { entry = '', text } of wanted) this.entries.set(entry, text);
    for (const { entry = '', text } of wanted) await this.store.put(entry, text);
    return wanted.map(({ license }) => license);
  }

  /** Deletes the installed licences that can never count again, given a time that has certainly passed. */
  async prune(held: readonly HeldLicense[], markMs: number): Promise<void> {
    const installed = held.filter(({ entry }) => entry !== undefined && this.entries.has(entry));
    const licenses = installed.map(({ license }) => license);
    for (const { entry = '', license } of installed) {
      if (!supersederOf(license, licenses, markMs)) continue;
      await this.store.delete(entry);
      this.entries.delete(entry);
    }
  }
}

const endsService = ({ nbf }: License, other: License, nowMs: number): boolean =>
  nbf * 1_000 > nowMs && other.nbf * 1_000 <= nowMs;

function sameId({ jti }: License): ProblemError {
  const detail = `Another licence with the id ${jti} is installed and stays. Issue this one with an id of its own.`;
  return new ProblemError('license_conflict', { detail });
}
