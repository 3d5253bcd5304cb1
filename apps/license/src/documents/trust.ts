import type { KeyObject } from 'node:crypto';
import { readPublicKeys, verifyLease, verifyLicense, type Lease, type License } from '@app/licensing';

/** Whose documents are taken here: the trusted keys, and the name of this deployment. */
export class Trust {
  private readonly keys: readonly KeyObject[];
  /** By their text. */
  private readonly verified = new Map<string, License>();

  /** Throws `license_invalid` unless the text has public keys in PEM. */
  constructor(
    readonly pem: string,
    private readonly deployment: string | undefined,
  ) {
    this.keys = readPublicKeys(pem);
  }

  /** Rejects with `license_invalid` as `verifyLicense` does. A text that was verified once is not verified again. */
  async license(text: string, nowMs: number): Promise<License> {
    const known = this.verified.get(text);
    if (known) return known;
    const { keys, deployment } = this;
    const { payload } = await verifyLicense(text, { keys, deployment, nowMs });
    this.verified.set(text, payload);
    return payload;
  }

  /** Rejects with `license_invalid` as `verifyLease` does. */
  async lease(text: string): Promise<Lease> {
    const { keys, deployment } = this;
    return (await verifyLease(text, { keys, deployment })).payload;
  }
}
