import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { AppendLog, KeyValueStore } from '@app/broker';
import type { Log } from '@app/platform';
import { ProblemError, productVersion } from '@app/protocol';
import { AuditChain } from './audit-chain';
import { AuditExport } from './audit-export';
import { loadAuditKey, readKeyFile, type AuditKey } from './audit-key';
import { AuditWriter } from './audit-writer';
import { ChainFollower } from './chain-follower';
import { DiskWatch, type ShowSize } from './disk-watch';
import { Retention, type RetentionDays } from './retention';
import { UsageCollector } from './usage-collector';

/** Milliseconds between two rounds of the work on both logs. */
const defaultRoundMs = 2_000;
const retentionMs = 60 * 60 * 1_000;
const progressMs = 30_000;
const retryAfterSeconds = 10;
/** How long a stop waits for the round that runs, and how long it then moves usage, in milliseconds. */
const stopMs = 3_000;

/** Entry of the bucket with the sequence of the newest audit record that states how far usage was moved. */
const progressEntry = 'audit-progress';

/** A log that may have to be started. */
export type StartableLog = AppendLog & { start?(): Promise<void> };

/** What the audit log of the license app is made of. */
export interface AuditLogsOptions {
  readonly logs: { readonly usage: StartableLog; readonly audit: StartableLog };
  /** The bucket `antiphon-license`. */
  readonly store: KeyValueStore;
  readonly log: Log;
  readonly retentionDays: RetentionDays;
  readonly keyFile?: string | undefined;
  readonly deployment?: string | undefined;
  /** In connected mode: number of the newest audit record that the vendor has; undefined if it has none. */
  readonly acknowledged?: (() => Promise<number | undefined>) | undefined;
  /** Milliseconds between two rounds of the work on both logs. */
  readonly roundMs?: number;
  readonly nowMs?: () => number;
}

interface Parts {
  readonly key: AuditKey;
  readonly chain: AuditChain;
  readonly collector: UsageCollector;
  readonly retention: Retention;
  readonly exporter: AuditExport;
}

/** The audit log of the license app: writes events, moves usage into it, signs it, and watches age and size of both logs. */
export class AuditLogs {
  readonly writer: AuditWriter;
  readonly logs: AuditLogsOptions['logs'];
  private readonly disk: DiskWatch;
  private readonly stopping = new AbortController();
  private readonly failing = new Map<string, string>();
  private parts: Parts | undefined;
  private showSize: ShowSize | undefined;
  private running: Promise<void> = Promise.resolve();
  private retainedAtMs = -Infinity;
  private progress = { atMs: -Infinity, saved: 0 };

  constructor(private readonly options: AuditLogsOptions) {
    const { log, logs } = options;
    this.logs = logs;
    this.writer = new AuditWriter(log, () => this.assertRoom(), options.nowMs);
    this.disk = new DiskWatch(logs, log);
  }

  /** Begins. Throws `config_invalid` for a key file that is none; what NATS refuses is tried again each round. */
  async start(showSize?: ShowSize): Promise<void> {
    const instance = randomBytes(8).toString('hex');
    if (this.options.keyFile !== undefined) await readKeyFile(this.options.keyFile);
    void this.writer.record('started', { version: productVersion, instance });
    this.showSize = showSize;
    this.running = this.run(instance);
  }

  /** Writes what waits, signs the log and ends. */
  async stop(): Promise<void> {
    this.stopping.abort();
    // It waits without end for a NATS that never was there.
    await Promise.race([this.running, pause(stopMs, undefined, { ref: false })]);
    const { parts } = this;
    if (parts) {
      await this.step('events', () => this.writer.flush());
      const endMs = performance.now() + stopMs;
      await this.step('usage', () => this.moveUsage(parts, () => performance.now() > endMs));
      await this.step('checkpoint', async () => void (await parts.chain.checkpoint()));
      await this.step('progress', () => this.saveProgress(parts.chain));
    }
    if (this.writer.size > 0) this.options.log.error('audit events were not written', { events: this.writer.size });
    await Promise.all([this.logs.usage.close(), this.logs.audit.close()]);
  }

  /** Throws `audit_log_full` while the logs have no room for the records of new requests. */
  assertRoom(): void {
    const isWithoutLog = this.failing.get('start') === 'disk_full';
    if (!isWithoutLog && !this.disk.isFull && !this.parts?.chain.isFull) return;
    throw new ProblemError('audit_log_full', { retryAfterSeconds });
  }

  /** A tar of the audit log and the usage records. Throws `bus_unavailable` before the logs were reached. */
  export(): Promise<Readable> {
    return this.ready().exporter.tar();
  }

  /** Every public key that signed the log, the present one last. Throws `bus_unavailable` before the key was read. */
  publicKeysPem(): string {
    return this.ready().key.publicKeysPem;
  }

  /** Id of the key that signs the log; undefined before it was read. */
  get keyId(): string | undefined {
    return this.parts?.key.keyId;
  }

  private ready(): Parts {
    if (!this.parts) throw new ProblemError('bus_unavailable', { retryAfterSeconds });
    return this.parts;
  }

  private async run(instance: string): Promise<void> {
    const { signal } = this.stopping;
    const { roundMs = defaultRoundMs } = this.options;
    while (!signal.aborted) {
      if (!this.parts) await this.step('start', () => this.setUp(instance));
      if (this.parts) await this.round(this.parts);
      await pause(roundMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async setUp(instance: string): Promise<void> {
    const { logs, store, log, keyFile, deployment, retentionDays, acknowledged, nowMs } = this.options;
    for (const each of [logs.usage, logs.audit]) await startLog(each, log);
    const key = await loadAuditKey(store, keyFile);
    const follower = new ChainFollower(logs.audit, instance, nowMs);
    const progress = Number(await store.get(progressEntry));
    if (Number.isSafeInteger(progress) && progress > 0) await follower.startAt(progress);
    const chain = new AuditChain(logs.audit, follower, { privateKey: key.privateKey, deployment }, nowMs);
    await chain.catchUp();
    this.parts = {
      key,
      chain,
      collector: new UsageCollector(logs.usage, chain, log, nowMs),
      retention: new Retention({ logs, chain, days: retentionDays, log, acknowledged, nowMs }),
      exporter: new AuditExport(logs, chain, key.publicKeysPem, log, nowMs),
    };
    log.info('audit log started', { instance, keyId: key.keyId });
    this.writer.start(chain);
    const { keyId, replaced, publicPem: publicKey } = key;
    if (replaced) void this.writer.record('audit_key_rotated', { keyId, replaced, publicKey });
  }

  private async round(parts: Parts): Promise<void> {
    const nowMs = (this.options.nowMs ?? Date.now)();
    const { chain } = parts;
    const isStopping = (): boolean => this.stopping.signal.aborted;
    const codes = [
      await this.step('size', () => this.disk.check(this.showSize)),
      await this.step('events', () => this.writer.flush()),
      await this.step('usage', () => this.moveUsage(parts, isStopping)),
      await this.step('checkpoint', () => chain.checkpointIfDue()),
    ];
    if (nowMs - this.retainedAtMs >= retentionMs) {
      codes.push(await this.step('retention', () => parts.retention.run()));
      this.retainedAtMs = nowMs;
    }
    if (nowMs - this.progress.atMs >= progressMs) await this.step('progress', () => this.saveProgress(chain));
    if (!codes.includes('disk_full') && this.writer.size === 0) chain.settle();
  }

  /** Usage waits in its own log while the audit log is full, which needs the rest of its room to drop old records. */
  private async moveUsage({ collector }: Parts, isStopping: () => boolean): Promise<void> {
    if (!this.disk.isAuditFull) await collector.collect(isStopping);
  }

  private async saveProgress({ follower }: AuditChain): Promise<void> {
    this.progress.atMs = (this.options.nowMs ?? Date.now)();
    if (follower.positionAt === this.progress.saved) return;
    await this.options.store.put(progressEntry, String(follower.positionAt));
    this.progress.saved = follower.positionAt;
  }

  /** The code of the problem, if there is one; the log has it once until it changes or ends. */
  private async step(name: string, run: () => Promise<void>): Promise<string | undefined> {
    try {
      await run();
      this.failing.delete(name);
      return undefined;
    } catch (error) {
      const { code } = ProblemError.from(error);
      if (this.failing.get(name) !== code)
        this.options.log.warn('audit log: step failed', { step: name, code, err: error });
      this.failing.set(name, code);
      return code;
    }
  }
}

/** A stream whose limit JetStream cannot reserve keeps the limit that it has. */
async function startLog(each: StartableLog, log: Log): Promise<void> {
  try {
    await each.start?.();
  } catch (error) {
    if (ProblemError.from(error).code !== 'disk_full') throw error;
    log.error('JetStream has no room for the size limit of a log', { err: error });
    await each.state();
  }
}
