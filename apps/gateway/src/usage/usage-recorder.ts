import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppendLog } from '@app/broker';
import { Log } from '@app/platform';
import { ProblemError, usageBytes, type UsageRecord } from '@app/protocol';
import { GatewayConfig } from '../gateway.config';
import { UsageMetrics } from '../metrics/usage-metrics';
import { UsageSpool, type SpoolFile } from './usage-spool';

/** Time between a record and its publication, in which others join it. */
const gatherMs = 100;
/** Interval at which publication and the disk are tried again, and in which the metrics are refreshed. */
const tickMs = 1_000;
/** Records that are published at the same time. */
const publishedTogether = 64;
/** A disk that takes longer for a write counts as failing. */
const diskLimitMs = 5_000;
/** Time for closing the spool in a drain. */
const closeLimitMs = 1_000;
const retryAfterSeconds = 5;

/** A record that could not be written. It is kept in memory until the disk or NATS takes it. */
interface Unsaved {
  readonly record: UsageRecord;
  readonly bytes: Uint8Array;
}

/**
 * Stores the usage record of each request. A record is spooled to disk, published to the log with its id, and removed
 * from the disk when the log has confirmed it. A gateway that starts publishes what an earlier one left in the folder.
 */
@Injectable()
export class UsageRecorder {
  private readonly spool: UsageSpool;
  private disk: 'writable' | 'failing' = 'writable';
  private bus: 'taking' | 'failing' = 'taking';
  private unsaved: Unsaved[] = [];
  private opening: Promise<void> | undefined;
  private publishing: Promise<void> | undefined;
  private gathering: NodeJS.Timeout | undefined;
  private ticking: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: GatewayConfig,
    private readonly usageLog: AppendLog,
    private readonly metrics: UsageMetrics,
    private readonly log: Log,
  ) {
    this.spool = new UsageSpool(config.usageFolder);
  }

  /** Opens the spool. Never rejects: while the folder cannot be written, the gateway is not ready and refuses requests. */
  async start(): Promise<void> {
    this.metrics.spoolLimit(this.config.usageSpoolBytes);
    await this.open().catch((error: unknown) => this.diskFailed(error));
    this.ticking = setInterval(() => void this.tick(), tickMs).unref();
    this.publishSoon();
  }

  /** Whether records can be written to the disk. */
  get canWrite(): boolean {
    return this.disk === 'writable';
  }

  /** Whether the records that wait for the disk or for publication are below the limit. */
  get hasRoom(): boolean {
    return this.spooledBytes + this.spool.waitingBytes < this.config.usageSpoolBytes;
  }

  /** Throws `usage_unavailable` while no record of a new request could be stored. */
  check(): void {
    if (!this.canWrite) {
      const detail = 'This server cannot store usage records now. Try again after Retry-After seconds.';
      throw new ProblemError('usage_unavailable', { detail, retryAfterSeconds });
    }
    if (!this.hasRoom) {
      const detail =
        'Too many usage records of this server are not published yet. Try again after Retry-After seconds.';
      throw new ProblemError('usage_unavailable', { detail, retryAfterSeconds });
    }
  }

  /**
   * Stores a record. Calls `saved` once, when the record is on the disk. If the disk fails or hangs for 5 s, the record
   * stays in memory until the disk or NATS takes it, and `saved` is called: the request was served and its caller is told so.
   */
  record(record: UsageRecord, saved: () => void): void {
    let bytes: Uint8Array;
    try {
      bytes = usageBytes(record);
    } catch (error) {
      this.log.error('usage record is invalid', { record, err: error });
      return saved();
    }
    void this.save({ record, bytes })
      .then(saved)
      .catch((error: unknown) => this.log.error('caller could not be told of its end', { err: error }));
  }

  /** Publishes what is left, for at most `timeoutMs` and a second. What is not published by then stays in the spool. */
  async drain(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    // First what is in memory: the disk, which may hang, is asked later.
    await withinLimit(this.saveUnsaved(), timeoutMs).catch(() => undefined);
    for (;;) {
      await withinLimit(this.tick(), Math.max(0, untilMs - performance.now())).catch(() => undefined);
      if (this.spooledRecords === 0 || performance.now() + gatherMs > untilMs) break;
      await pause(gatherMs);
    }
    clearInterval(this.ticking);
    clearTimeout(this.gathering);
    await withinLimit(this.spool.close(), closeLimitMs).catch(() => undefined);
    const records = this.spooledRecords - this.unsaved.length;
    if (records > 0) this.log.warn('usage records stay in the spool', { records, folder: this.config.usageFolder });
    for (const { record } of this.unsaved) this.log.error('usage record could not be stored', { record });
  }

  private async save(unsaved: Unsaved): Promise<void> {
    if (!this.canWrite) return void this.unsaved.push(unsaved);
    try {
      await withinLimit(this.spool.append(unsaved.bytes, Date.parse(unsaved.record.at)));
      this.publishSoon();
    } catch (error) {
      this.unsaved.push(unsaved);
      this.diskFailed(error);
    }
    this.refresh();
  }

  private async tick(): Promise<void> {
    if (this.disk === 'failing') await this.tryDisk();
    this.publishing ??= this.publish().finally(() => (this.publishing = undefined));
    await this.publishing;
    this.refresh();
  }

  private publishSoon(): void {
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      void this.tick();
    }, gatherMs).unref();
  }

  /** Opens the spool. A disk that hangs is asked once, however often this is called. */
  private open(): Promise<void> {
    this.opening ??= this.spool.open().finally(() => (this.opening = undefined));
    return withinLimit(this.opening);
  }

  /** Moves the records in memory to the log or to the disk, whichever takes them. */
  private async tryDisk(): Promise<void> {
    try {
      await this.open();
      if (!this.canWrite) this.log.info('usage spool can be written again');
      this.disk = 'writable';
    } catch {
      // The state says so already.
    }
    await this.saveUnsaved();
  }

  private async saveUnsaved(): Promise<void> {
    const unsaved = this.unsaved;
    this.unsaved = [];
    await Promise.all(unsaved.map((one) => this.saveAgain(one)));
  }

  private async saveAgain(unsaved: Unsaved): Promise<void> {
    if (this.canWrite) return this.save(unsaved);
    try {
      await this.usageLog.append(unsaved.bytes, unsaved.record.id);
      this.metrics.published(1);
    } catch {
      this.unsaved.push(unsaved);
    }
  }

  private async publish(): Promise<void> {
    try {
      for (let file = await this.spool.take(); file; file = await this.spool.take()) await this.publishFile(file);
      if (this.bus === 'failing') this.log.info('usage records are published again');
      this.bus = 'taking';
    } catch (error) {
      const { code, cause } = ProblemError.from(error);
      if (this.bus === 'taking')
        this.log.warn('usage records wait in the spool', { code, ...(cause ? { err: cause } : {}) });
      this.bus = 'failing';
    }
  }

  private async publishFile(file: SpoolFile): Promise<void> {
    const { records, unreadable } = await this.spool.read(file);
    for (let at = 0; at < records.length; at += publishedTogether) {
      const some = records.slice(at, at + publishedTogether);
      await Promise.all(some.map(({ bytes, record }) => this.usageLog.append(bytes, record.id)));
      this.metrics.published(some.length);
    }
    if (unreadable > 0) this.log.error('usage spool has lines that are no records', { path: file.path, unreadable });
    await this.spool.remove(file, { keep: unreadable > 0 });
  }

  private diskFailed(error: unknown): void {
    if (this.disk === 'writable') {
      this.log.error('usage spool cannot be written', { folder: this.config.usageFolder, err: error });
    }
    this.disk = 'failing';
  }

  private get spooledRecords(): number {
    return this.spool.files.reduce((sum, { records }) => sum + records, this.unsaved.length);
  }

  private get spooledBytes(): number {
    return this.spool.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private refresh(): void {
    const ended = this.unsaved.map(({ record }) => Date.parse(record.at));
    const oldestAtMs = Math.min(Infinity, ...this.spool.files.map((file) => file.oldestAtMs), ...ended);
    this.metrics.spooled(this.spooledRecords, this.spooledBytes, Math.max(0, Date.now() - oldestAtMs));
  }
}

/** Like the promise, but rejects if it has not settled within the limit. A write may still succeed later. */
async function withinLimit<T>(work: Promise<T>, limitMs = diskLimitMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`The disk did not answer within ${limitMs} ms.`)), limitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
