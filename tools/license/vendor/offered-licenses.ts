import type { KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { licenseInForce, maxLicenseBytes, unverifiedClaims, verifyLicense, type License } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { ifThere } from './durable-file';

/** A licence that a check-in can be answered with. */
export interface OfferedLicense {
  readonly license: Readonly<License>;
  /** The document. */
  readonly text: string;
}

/** The licences of a folder: files whose names end in `.jwt`. A file is verified once, and again when it has changed. */
export class OfferedLicenses {
  private readonly seen = new Map<string, { readonly stamp: string; readonly offered: OfferedLicense | undefined }>();

  constructor(
    private readonly folder: string,
    private readonly keys: readonly KeyObject[],
    private readonly log: Log,
  ) {}

  /** The newest licence of the same holder and deployment, if it is newer than this one. */
  async newerThan(current: License, nowMs: number): Promise<OfferedLicense | undefined> {
    const all = await this.all(nowMs);
    const candidates = all.filter(
      ({ license: { sub, deployment } }) => sub === current.sub && deployment === current.deployment,
    );
    // By then every licence has begun, so that the newest one counts.
    const newest = licenseInForce([current, ...candidates.map(({ license }) => license)], Infinity);
    return candidates.find(({ license }) => license === newest && license.jti !== current.jti);
  }

  private async all(nowMs: number): Promise<OfferedLicense[]> {
    const names = ((await ifThere(readdir(this.folder))) ?? []).filter((name) => /^[^.].*\.jwt$/.test(name)).sort();
    for (const name of this.seen.keys()) if (!names.includes(name)) this.seen.delete(name);
    const found = [];
    for (const name of names) found.push(await this.read(name, nowMs));
    return found.filter((offered) => offered !== undefined);
  }

  private async read(name: string, nowMs: number): Promise<OfferedLicense | undefined> {
    const file = join(this.folder, name);
    const facts = await ifThere(stat(file));
    if (!facts?.isFile()) return undefined;
    const stamp = `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
    const known = this.seen.get(name);
    if (known?.stamp === stamp) return known.offered;
    const offered = facts.size > 2 * maxLicenseBytes ? undefined : await this.verified(name, file, nowMs);
    this.seen.set(name, { stamp, offered });
    return offered;
  }

  private async verified(name: string, file: string, nowMs: number): Promise<OfferedLicense | undefined> {
    try {
      const text = (await readFile(file, 'utf8')).trim();
      const { deployment } = unverifiedClaims<License>(text);
      const { payload } = await verifyLicense(text, { keys: this.keys, nowMs, deployment });
      return { license: payload, text };
    } catch (error) {
      this.log.warn('licence file is not offered', { file: name, reason: ProblemError.from(error).detail });
      return undefined;
    }
  }
}
