import type { AppendLog, LogRecord } from '@app/broker';
import { usageEventType, type AuditEvent } from '@app/licensing';
import type { Log } from '@app/platform';
import { readUsageRecord, type UsageRecord } from '@app/protocol';
import type { AuditChain } from './audit-chain';

/** Usage records in one audit record at most, and their bytes. */
export const batchRecords = 500;
export const batchBytes = 512 * 1024;
/** How long the usage stream must end before the position in the audit log until that is believed. */
const restartedAfterMs = 60_000;

/** Fact of the records that state how far usage was moved. */
interface Batch extends Readonly<Record<string, unknown>> {
  readonly records: readonly UsageRecord[];
  readonly usageTo: number;
  /** Sequences of records that could not be read. */
  readonly unreadable?: readonly number[];
  /** First and last sequence that somebody else removed from the stream. */
  readonly missing?: readonly [number, number];
}

/**
 * Moves usage records into the audit log. The audit log itself says how far that got, and is read anew before each append, so
 * that no process stores a usage record again, whichever of them is killed when.
 */
export class UsageCollector {
  private behindSinceMs: number | undefined;

  constructor(
    private readonly usage: AppendLog,
    private readonly chain: AuditChain,
    private readonly log: Log,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Moves what there is now. `isStopping` ends it between two audit records. */
  async collect(isStopping: () => boolean = () => false): Promise<void> {
    const { lastSequence } = await this.usage.state();
    await this.chain.catchUp();
    this.watchRestart(lastSequence);
    if (await this.restart(lastSequence)) return;
    while (this.chain.follower.usageTo < lastSequence && !isStopping()) {
      const isAppended = await this.chain.append(() => this.nextEvent());
      if (!isAppended && this.chain.follower.usageTo < lastSequence) return;
      await this.chain.catchUp();
    }
  }

  private async nextEvent(): Promise<AuditEvent | undefined> {
    const batch = await this.nextBatch();
    if (!batch) return undefined;
    const { unreadable, missing } = batch;
    if (unreadable) this.log.error('usage records cannot be read', { sequences: unreadable });
    if (missing) this.log.error('usage records are missing in their stream', { from: missing[0], to: missing[1] });
    return this.event(usageEventType, batch);
  }

  private async nextBatch(): Promise<Batch | undefined> {
    const records: UsageRecord[] = [];
    const unreadable: number[] = [];
    const from = this.chain.follower.usageTo + 1;
    let [bytes, usageTo, count, first] = [0, 0, 0, from];
    for await (const stored of this.usage.read(from)) {
      if (count === 0) first = stored.sequence;
      bytes += stored.payload.byteLength + 1;
      if (count === batchRecords || (count > 0 && bytes > batchBytes)) break;
      const record = readable(stored);
      if (record) records.push(record);
      else unreadable.push(stored.sequence);
      count++;
      usageTo = stored.sequence;
    }
    if (count === 0) return undefined;
    return {
      records,
      usageTo,
      ...(unreadable.length > 0 && { unreadable }),
      ...(first > from && { missing: [from, first - 1] as const }),
    };
  }

  private watchRestart(lastSequence: number): void {
    if (lastSequence >= this.chain.follower.usageTo) this.behindSinceMs = undefined;
    else this.behindSinceMs ??= this.nowMs();
  }

  /**
   * The usage stream was lost, or its end was, and it begins again. It is shorter for a while, or has another record where the
   * audit log left off. A new leader of the stream may look shorter, but only briefly.
   */
  private async restart(lastSequence: number): Promise<boolean> {
    const isShorter = this.behindSinceMs !== undefined && this.nowMs() - this.behindSinceMs >= restartedAfterMs;
    if (!isShorter && !(await this.isOther(lastSequence))) return false;
    const { usageTo, usageToId } = this.chain.follower;
    this.log.error('the usage stream was made anew', { lastSequence, expected: usageTo });
    return this.chain.append(() => {
      const { follower } = this.chain;
      const isSame = follower.usageTo === usageTo && follower.usageToId === usageToId;
      return isSame ? this.event('usage_restarted', { expected: usageTo, usageTo: 0 }) : undefined;
    });
  }

  /** Whether new records follow another one than the audit log has last. */
  private async isOther(lastSequence: number): Promise<boolean> {
    const { usageTo, usageToId } = this.chain.follower;
    if (usageToId === undefined || lastSequence <= usageTo) return false;
    for await (const stored of this.usage.read(usageTo)) {
      return stored.sequence === usageTo && readable(stored)?.id !== usageToId;
    }
    return false;
  }

  private event(type: string, facts: AuditEvent['facts']): AuditEvent {
    return { at: new Date(this.nowMs()).toISOString(), type, ...(facts && { facts }) };
  }
}

function readable({ payload }: LogRecord): UsageRecord | undefined {
  try {
    return readUsageRecord(payload);
  } catch {
    return undefined;
  }
}
