import type { AppendLog } from '@app/broker';
import { dayMs, readAuditRecord } from '@app/licensing';
import type { Log } from '@app/platform';
import type { AuditChain } from './audit-chain';

/** How long each log keeps its records, in days. */
export interface RetentionDays {
  readonly audit: number;
  readonly usage: number;
}

/** What a `Retention` works on. */
export interface RetentionOptions {
  readonly logs: { readonly audit: AppendLog; readonly usage: AppendLog };
  readonly chain: AuditChain;
  readonly days: RetentionDays;
  readonly log: Log;
  /** In connected mode: number of the newest audit record that the vendor has; undefined if it has none. */
  readonly acknowledged?: (() => Promise<number | undefined>) | undefined;
  readonly nowMs?: (() => number) | undefined;
}

/** Drops old records of both logs. Nothing that is newer than its retention, and nothing that is still needed, is dropped. */
export class Retention {
  private readonly nowMs: () => number;

  constructor(private readonly options: RetentionOptions) {
    this.nowMs = options.nowMs ?? Date.now;
  }

  async run(): Promise<void> {
    await this.dropUsage();
    await this.dropAudit();
  }

  /** Usage records that the audit log has and that are older than their retention. */
  private async dropUsage(): Promise<void> {
    const { logs, chain, days, log } = this.options;
    const beforeMs = await this.beforeMs(logs.usage, days.usage);
    const records = await logs.usage.dropStoredBefore(beforeMs, chain.follower.usageTo);
    if (records > 0) log.info('old usage records dropped', { records });
  }

  /** The log says first what is dropped, and is signed again afterwards. A process that is killed in between leaves it to the next. */
  private async dropAudit(): Promise<void> {
    const old = await this.oldAudit();
    if (!old) return;
    const { logs, chain, log } = this.options;
    const { follower } = chain;
    await chain.append(async () => {
      const first = await logs.audit.first();
      const isDone = !first || first.sequence > old.sequence;
      if (isDone) return undefined;
      const facts = { log: 'audit', from: old.from, to: old.to, usageTo: follower.usageTo };
      return { at: new Date(this.nowMs()).toISOString(), type: 'records_dropped', facts };
    });
    await logs.audit.dropBefore(old.sequence + 1);
    await chain.checkpoint();
    log.info('old audit records dropped', { from: old.from, to: old.to });
  }

  /** The newest record that may go: its sequence in the stream, and the numbers of the records up to it. */
  private async oldAudit(): Promise<{ sequence: number; from: number; to: number } | undefined> {
    const { logs, days, acknowledged: acknowledgedNow } = this.options;
    const beforeMs = await this.beforeMs(logs.audit, days.audit);
    const acknowledged = acknowledgedNow ? ((await acknowledgedNow()) ?? 0) : Infinity;
    const { lastSequence } = await logs.audit.state();
    let old: { sequence: number; from: number; to: number } | undefined;
    for await (const { sequence, storedAtMs, payload } of logs.audit.read(1)) {
      const seq = readAuditRecord(payload)?.seq ?? old?.to ?? 0;
      // The newest record stays whatever its age: the next one is built on it.
      if (storedAtMs >= beforeMs || seq > acknowledged || sequence === lastSequence) break;
      old = { sequence, from: old?.from ?? seq, to: seq };
    }
    return old;
  }

  /** By the clock of this machine and by that of NATS: one clock that is ahead drops nothing. */
  private async beforeMs(log: AppendLog, days: number): Promise<number> {
    const newest = await log.last();
    return Math.min(this.nowMs(), (newest?.storedAtMs ?? 0) + dayMs) - days * dayMs;
  }
}
