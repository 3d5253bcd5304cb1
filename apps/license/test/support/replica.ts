import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryKeyValue } from '@app/broker';
import { defaultGrace, signLease, signLicense, type Lease, type License, type LicenseMode } from '@app/licensing';
import { Log } from '@app/platform';
import { secondsOf, testLicense } from '../../../../test/support/test-license';
import { readLicenseFiles } from '../../src/documents/license-files';
import { LicenseStore } from '../../src/documents/license-store';
import { Trust } from '../../src/documents/trust';
import { ServiceStanding } from '../../src/service-standing';

/** An issuer with a key of its own. */
export class Issuer {
  private readonly keys = generateKeyPairSync('ed25519');

  get pem(): string {
    return this.keys.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  }

  get privateKey(): KeyObject {
    return this.keys.privateKey;
  }

  /** A licence of the first half of 2026 for `prod-1`, but for the changes. */
  license(changes: Partial<License> = {}): Promise<string> {
    const grace = { ...defaultGrace, expiryDays: 1, lostContactDays: 2 };
    const content = testLicense({ deployment: 'prod-1', grace, ...changes });
    return signLicense(content, this.keys.privateKey);
  }

  /** A lease of 1 June 2026 that ends two days later, but for the changes. */
  lease(changes: Partial<Lease> = {}): Promise<string> {
    const iat = secondsOf('2026-06-01T12:00:00Z');
    const content = { jti: 'lease-1', license: 'lic-1', deployment: 'prod-1', iat, exp: iat + 172_800 };
    return signLease({ ...content, checkInSeconds: 3_600, ...changes }, this.keys.privateKey);
  }
}

/** The files of a license process, in a folder of their own. */
export class Files {
  readonly folder = mkdtempSync(join(tmpdir(), 'license-documents-'));
  readonly settings = {
    licenseFile: [join(this.folder, 'license.jwt')],
    licensePublicKeyFile: join(this.folder, 'issuer.pem'),
    licenseDeployment: 'prod-1',
  };

  /** As a renewed Secret does. */
  write(license: string | undefined, pem?: string): void {
    if (license !== undefined) writeFileSync(this.settings.licenseFile[0] ?? '', license);
    if (pem !== undefined) writeFileSync(this.settings.licensePublicKeyFile, pem);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Documents that no test installs or reads, for an app whose standing has its licences already. */
export function unusedDocuments(standing: ServiceStanding, log: Log): LicenseStore {
  const files = { trust: new Trust(new Issuer().pem, undefined), texts: new Map<string, string>() };
  const settings = { licenseFile: [], licensePublicKeyFile: '' };
  return new LicenseStore({ store: new MemoryKeyValue(), standing, settings, files, log });
}

/** The documents of a license process, its clocks, its log and its events. */
export class Replica {
  readonly lines: Record<string, unknown>[] = [];
  /** The events `service_state`. */
  readonly states: [string, Record<string, unknown>][] = [];
  /** The other events. */
  readonly events: [string, Record<string, unknown>][] = [];
  wallMs: number;
  monotonicMs = 0;
  standing!: ServiceStanding;
  documents!: LicenseStore;
  readonly log = Log.create('license', 'info', {
    write: (line) => void this.lines.push(JSON.parse(line) as Record<string, unknown>),
  });

  constructor(
    private readonly store: MemoryKeyValue,
    private readonly files: Files,
    now = '2026-06-01T12:00:00Z',
    private readonly mode: LicenseMode = 'airgapped',
  ) {
    this.wallMs = Date.parse(now);
  }

  /** Reads the files, but not the bucket. */
  async prepare(): Promise<this> {
    const { store, log, mode } = this;
    const { settings } = this.files;
    const files = await readLicenseFiles(settings, this.wallMs);
    const clocks = () => ({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });
    this.standing = new ServiceStanding(mode, files.licenses, clocks);
    const onEvent = (type: string, facts: Record<string, unknown>) =>
      void (type === 'service_state' ? this.states : this.events).push([type, facts]);
    this.documents = new LicenseStore({ store, standing: this.standing, settings, files, log, onEvent });
    return this;
  }

  async start(): Promise<this> {
    await (await this.prepare()).documents.start();
    return this;
  }

  /** Time passes on both clocks; the files and the bucket are looked at then. */
  async pass(ms: number): Promise<void> {
    this.advance(ms);
    await this.documents.poll();
  }

  advance(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  /** The process ends without a last write. */
  async kill(): Promise<void> {
    this.store.disconnect();
    await this.documents.stop();
    this.store.reconnect();
  }

  get state(): string {
    const state = this.standing.state();
    return 'why' in state ? `${state.state}, ${state.why}` : state.state;
  }

  get licenseId(): string | undefined {
    return this.standing.license()?.jti;
  }

  said(message: string): Record<string, unknown>[] {
    return this.lines.filter(({ msg }) => msg === message);
  }
}
