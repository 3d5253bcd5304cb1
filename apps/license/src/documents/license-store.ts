import type { KeyValueStore, Subscription } from '@app/broker';
import { serviceState, timeUsedMs, type Lease, type License } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import type { ServiceStanding } from '../service-standing';
import { isLicenseEntry, leaseEntry, markEntry } from './bucket';
import { BucketLicenses } from './bucket-licenses';
import { DocumentEvents, type OnEvent } from './document-events';
import { FaultLog, type Fault } from './fault-log';
import { assertInstallable, holdLicenses, type Held } from './held-licenses';
import {
  haveSameContent,
  rereadLicenseFiles,
  serviceWouldEnd,
  type LicenseFiles,
  type LicenseFileSettings,
} from './license-files';
import { SharedLease } from './shared-lease';
import { SharedMark } from './shared-mark';

/** How often the files are read again, and what the bucket lacks is written, in milliseconds. */
export const pollIntervalMs = 10_000;

/** What a licence store needs. */
export interface LicenseStoreParts {
  /** The bucket `licenseBucket`. */
  readonly store: KeyValueStore;
  /** It starts with the licences of the files. */
  readonly standing: ServiceStanding;
  readonly settings: LicenseFileSettings;
  /** The files as they were read at the start. */
  readonly files: LicenseFiles;
  readonly log: Log;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * The documents in force: the licences of the files and of the bucket, the lease and the high-water mark. Every license
 * process watches the bucket, so what one of them installs reaches all. While NATS is away, what is known counts.
 */
export class LicenseStore {
  private files: LicenseFiles;
  private held: Held = { licenses: [], faults: [] };
  /** Of every licence that this process has held: a new lease names one of them. */
  private readonly seenIds = new Set<string>();
  private readonly bucket: BucketLicenses;
  private readonly mark: SharedMark;
  private readonly lease: SharedLease;
  private readonly fileFaults: FaultLog;
  private readonly faults: FaultLog;
  private readonly events: DocumentEvents;
  private subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** The last step; steps run one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: LicenseStoreParts) {
    const { store, standing, files, log, onEvent } = parts;
    this.files = files;
    this.bucket = new BucketLicenses(store);
    this.mark = new SharedMark(store, standing, log);
    this.lease = new SharedLease(store, standing, log);
    this.fileFaults = new FaultLog('licence file not taken: what is in force stays', log);
    this.faults = new FaultLog('licence ignored', log);
    this.events = new DocumentEvents(log, onEvent);
  }

  /** Resolves when the bucket was read, and its mark, lease and licences count. */
  async start(): Promise<void> {
    this.subscription = await this.parts.store.watch({
      onSnapshot: (entries) => this.followSnapshot(entries),
      onChange: (entry, value) => this.followChange(entry, value),
    });
    await this.last;
    this.timer = setInterval(() => void this.poll(), pollIntervalMs);
  }

  /** Writes the mark a last time. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.subscription?.unsubscribe();
    await this.last;
    await this.publish(1);
  }

  /** Whether the bucket was read. */
  get loaded(): boolean {
    return this.timer !== undefined;
  }

  /** The text of the licence in force; undefined without one. It is a credential: never log it. */
  licenseText(): string | undefined {
    const inForce = this.parts.standing.license();
    return this.held.licenses.find(({ license }) => license === inForce)?.text;
  }

  /**
   * Installs a licence on all replicas and resolves to it; `by` names who does. Rejects with `license_invalid`, with
   * `license_conflict` if it would never count, and with `bus_unavailable`. What is in force then stays.
   */
  async install(text: string, by: string): Promise<License> {
    try {
      return await this.inTurn(() => this.put(text.trim(), by));
    } catch (error) {
      this.events.refused(error, by);
      throw error;
    }
  }

  /**
   * Takes the lease that answered a check-in, unless a newer one is in force, and the newer licence that it may have. Rejects
   * with `license_invalid` for a lease that is not for this deployment and a licence of it. The lease counts here even if NATS
   * is away.
   */
  async takeLease(text: string): Promise<Lease> {
    if (this.parts.standing.mode !== 'connected') throw new RangeError('leases count in connected mode only');
    const document = text.trim();
    const lease = await this.files.trust.lease(document);
    if (!this.seenIds.has(lease.license)) {
      throw new ProblemError('license_invalid', { detail: 'The lease cannot be used. It names an unknown licence.' });
    }
    const { latestLicense } = lease;
    if (latestLicense !== undefined) {
      await this.attempt('licence of a lease not installed', () => this.install(latestLicense, 'lease'));
    }
    return this.inTurn(async () => {
      const isTaken = this.lease.take(document, lease);
      this.events.observe(this.parts.standing.state());
      await this.attempt('lease not written', () => this.lease.publish(this.files.trust));
      if (isTaken) this.events.leaseTaken(lease);
      return lease;
    });
  }

  /** Reads the files again, and writes what the bucket lacks. Never rejects. */
  poll(): Promise<void> {
    return this.inTurn(async () => {
      await this.attempt('licence files not read', () => this.rereadFiles());
      await this.publish();
    });
  }

  private async put(text: string, by: string): Promise<License> {
    const { standing } = this.parts;
    const nowMs = standing.timeMs();
    const license = await this.files.trust.license(text, nowMs);
    assertInstallable(license, text, this.held.licenses, nowMs);
    if (this.bucket.has(license, text)) return license;
    await this.bucket.put(license, text, this.files.trust, nowMs);
    await this.refresh();
    await this.prune();
    this.events.installed(license, by);
    return license;
  }

  private followSnapshot(entries: ReadonlyMap<string, string>): void {
    this.mark.learn(entries.get(markEntry));
    void this.inTurn(async () => {
      const before = this.held.licenses;
      this.bucket.takeAll(entries);
      await this.lease.learn(entries.get(leaseEntry), this.files.trust);
      await this.attempt('installed licences not put back', async () => {
        const lost = await this.bucket.putBack(before, this.parts.standing.highWaterMs);
        for (const { jti } of lost) this.parts.log.warn('lost licence put back', { licenseId: jti });
      });
      await this.refresh();
      await this.prune();
      await this.publish();
    });
  }

  private followChange(entry: string, value: string | undefined): void {
    if (entry === markEntry) this.mark.learn(value);
    if (entry === leaseEntry) void this.inTurn(() => this.lease.learn(value, this.files.trust));
    if (isLicenseEntry(entry)) {
      void this.inTurn(async () => {
        this.bucket.take(entry, value);
        await this.refresh();
      });
    }
  }

  /** Verifies what is new, and lets it count. A document from the future is looked at again each time. */
  private async refresh(): Promise<void> {
    this.apply(await holdLicenses(this.files, this.bucket.texts, this.parts.standing.timeMs()));
  }

  private apply(held: Held): void {
    this.held = held;
    this.faults.take(held.faults);
    for (const { license } of held.licenses) this.seenIds.add(license.jti);
    this.parts.standing.install(held.licenses.map(({ license }) => license));
    this.events.observe(this.parts.standing.state());
  }

  private async rereadFiles(): Promise<void> {
    const { standing, settings } = this.parts;
    const { files, faults } = await rereadLicenseFiles(settings, this.files, standing.timeMs());
    const fault = haveSameContent(files, this.files) ? await this.refresh() : await this.takeFiles(files);
    for (const { problem } of this.fileFaults.take(fault ? [...faults, fault] : faults)) {
      this.events.refused(problem, 'file');
    }
  }

  /** Takes changed files. If service would end with them at once, they do not count yet, and the fault says so. */
  private async takeFiles(files: LicenseFiles): Promise<Fault | undefined> {
    const facts = this.parts.standing.facts();
    const held = await holdLicenses(files, this.bucket.texts, timeUsedMs(facts));
    const licenses = held.licenses.map(({ license }) => license);
    const keepsLease = await this.lease.isTrusted(files.trust);
    const next = serviceState({ ...facts, licenses, lease: keepsLease ? facts.lease : undefined });
    if (next.state === 'refused' && serviceState(facts).state !== 'refused') return serviceWouldEnd(files);
    const before = this.held.licenses.map(({ text }) => text);
    this.files = files;
    if (!keepsLease) this.lease.forget();
    this.apply(held);
    this.parts.log.info('licence files read again');
    for (const { license, text } of held.licenses) if (!before.includes(text)) this.events.installed(license, 'file');
    return undefined;
  }

  private prune(): Promise<void> {
    const { highWaterMs } = this.parts.standing;
    return this.attempt('old licences not removed', () => this.bucket.prune(this.held.licenses, highWaterMs));
  }

  private async publish(markStepMs?: number): Promise<void> {
    if (!this.parts.store.connected) return;
    await this.attempt('high-water mark not written', () => this.mark.publish(markStepMs));
    await this.attempt('lease not written', () => this.lease.publish(this.files.trust));
  }

  /** A failure is logged: what is known here counts, and the next poll tries again. */
  private async attempt(failure: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const { code, detail } = ProblemError.from(error);
      this.parts.log.warn(failure, { code, detail });
    }
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.last.then(step);
    this.last = result.catch(() => undefined);
    return result;
  }
}
