import type { AppendLog } from '@app/broker';
import { readAuditRecord } from '@app/licensing';
import type { Log } from '@app/platform';
import type { AuditChain } from './audit-chain';

const dayMs = 24 * 60 * 60 * 1_000;

/** How long each log keeps its records, in days. */
export interface RetentionDays {
  readonly audit: number;
  readonly usage: number;
}

/** Drops old records of both logs. Nothing that is newer than its retention, and nothing that is still needed, is dropped. */
export class Retention {
  /** `acknowledged`, in connected mode: number of the newest audit record that the vendor has; undefined if it has none. */
  constructor(
    private readonly logs: { readonly audit: AppendLog; readonly usage: AppendLog },
    private readonly chain: AuditChain,
    private readonly days: RetentionDays,
    private readonly log: Log,
    private readonly acknowledged?: () => number | undefined,
    private readonly nowMs: () => number = Date.now,
  ) {}

  async run(): Promise<void> {
    await this.dropUsage();
    await this.dropAudit();
  }

  /** Usage records that the audit log has and that are older than their retention. */
  private async dropUsage(): Promise<void> {
    const beforeMs = this.nowMs() - this.days.usage * dayMs;
    const { usageTo } = this.chain.follower;
    let last = 0;
    for await (const { sequence, storedAtMs } of this.logs.usage.read(1)) {
      if (storedAtMs >= beforeMs || sequence > usageTo) break;
      last = sequence;
    }
    if (last === 0) return;
    const before = (await this.logs.usage.state()).records;
    await this.logs.usage.dropBefore(last + 1);
    const records = before - (await this.logs.usage.state()).records;
    if (records > 0) this.log.info('old usage records dropped', { records });
  }

  /** The log says first what is dropped, and is signed again afterwards. A process that is killed in between leaves it to the next. */
  private async dropAudit(): Promise<void> {
    const old = await this.oldAudit();
    if (!old) return;
    const { follower } = this.chain;
    await this.chain.append(async () => {
      const first = await this.logs.audit.first();
      const isDone = !first || first.sequence > old.sequence;
      if (isDone) return undefined;
      const facts = { log: 'audit', from: old.from, to: old.to, usageTo: follower.usageTo };
      return { at: new Date(this.nowMs()).toISOString(), type: 'records_dropped', facts };
    });
    await this.logs.audit.dropBefore(old.sequence + 1);
    await this.chain.checkpoint();
    this.log.info('old audit records dropped', { from: old.from, to: old.to });
  }

  /** The newest record that may go: its sequence in the stream, and the numbers of the records up to it. */
  private async oldAudit(): Promise<{ sequence: number; from: number; to: number } | undefined> {
    const beforeMs = this.nowMs() - this.days.audit * dayMs;
    const acknowledged = this.acknowledged ? (this.acknowledged() ?? 0) : Infinity;
    const { lastSequence } = await this.logs.audit.state();
    let old: { sequence: number; from: number; to: number } | undefined;
    for await (const { sequence, storedAtMs, payload } of this.logs.audit.read(1)) {
      const seq = readAuditRecord(payload)?.seq ?? old?.to ?? 0;
      // The newest record stays whatever its age: the next one is built on it.
      if (storedAtMs >= beforeMs || seq > acknowledged || sequence === lastSequence) break;
      old = { sequence, from: old?.from ?? seq, to: seq };
    }
    return old;
  }
}
