import { setImmediate as turn } from 'node:timers/promises';
import type { AppendLog, LogRecord } from '@app/broker';
import type { TelemetryRow, UsageGroup, UsageRow } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError, readUsageRecord } from '@app/protocol';
import type { ServiceStanding } from '../service-standing';
import { CountedUsage, recognisedIds } from './counted-usage';
import { monthAt, previousMonthAt } from './months';
import type { UsageSnapshots } from './usage-snapshots';
import type { Used } from './used-quota';

/** Pause between two looks at the usage stream. */
const followMs = 1_000;
/** At most one snapshot in this time. */
const snapshotMs = 30_000;
/** Records that are read in one turn of the event loop, so that an authorisation waits a millisecond at most. */
const recordsPerTurn = 20;

/**
 * The usage of the present and the previous month (UTC), counted from the usage stream, which is the truth: each process
 * follows it. While NATS is away the totals stay as they are. A copy of a record counts as nothing if at most `recognisedIds`
 * records are between them.
 */
export class MonthlyUsage {
  private counted: CountedUsage | undefined;
  private isComplete = false;
  private isFailing = false;
  private savedSequence = 0;
  private savedAtMs = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private following: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly stream: AppendLog,
    private readonly snapshots: UsageSnapshots,
    private readonly clock: Pick<ServiceStanding, 'timeMs' | 'highWaterMs'>,
    private readonly log: Log,
  ) {}

  /** Follows the stream from now on. */
  start(): void {
    this.following = this.follow().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.start(), followMs).unref();
    });
  }

  /** Ends the following and stores a last snapshot. Never rejects. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.following;
    if (this.counted && this.isComplete) await this.save(this.counted);
  }

  /** Whether the stream was read to its end once, so that nothing is missing but the latest records. */
  get isRead(): boolean {
    return this.isComplete;
  }

  /** What a key, or all keys together, used in the month of a time. Throws `license_unavailable` unless `isRead`. */
  used(timeMs: number, keyId?: string): Used {
    return this.read().quota.of(monthAt(timeMs), keyId);
  }

  /** What was used in a month, for telemetry. Throws `license_unavailable` unless `isRead`. */
  rows(month: string): TelemetryRow[] {
    const rows = new Map<string, TelemetryRow>();
    for (const { model, kind, sampleRateHz, ...sum } of this.read().totals.sums(month)) {
      const path = `${model} ${kind} ${sampleRateHz}`;
      const row = rows.get(path) ?? { model, kind, requests: 0, characters: 0, audioSamples: 0, sampleRateHz };
      row.requests += sum.requests;
      row.characters += sum.characters;
      row.audioSamples += sum.audioSamples;
      rows.set(path, row);
    }
    return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  /** The months whose usage is kept, latest first. */
  get months(): string[] {
    const nowMs = this.clock.timeMs();
    return [monthAt(nowMs), previousMonthAt(nowMs)];
  }

  /** The same totals as `npm run license -- usage`. Throws `license_unavailable` unless `isRead`. */
  table(by: UsageGroup, month: string): UsageRow[] {
    return this.read().totals.rows(by, month);
  }

  /** Reads what is new in the stream. Never rejects. */
  async follow(): Promise<void> {
    try {
      this.counted ??= await this.begin();
      this.counted = await this.readOn(this.counted);
      this.isComplete = true;
      if (this.isFailing) this.log.info('usage stream is followed again');
      this.isFailing = false;
    } catch (error) {
      const { code, cause } = ProblemError.from(error);
      if (!this.isFailing) this.log.warn('usage stream cannot be followed', { code, ...(cause ? { err: cause } : {}) });
      this.isFailing = true;
      return;
    }
    if (performance.now() - this.savedAtMs >= snapshotMs) await this.save(this.counted);
  }

  private read(): CountedUsage {
    if (this.counted && this.isComplete) return this.counted;
    const detail = 'The license app has not read the usage of this month yet. Try again after Retry-After seconds.';
    throw new ProblemError('license_unavailable', { detail, retryAfterSeconds: 1 });
  }

  /** What the snapshot has. Only the ids of the records before it are read again. */
  private async begin(): Promise<CountedUsage> {
    const counted = new CountedUsage();
    const snapshot = await this.snapshots.load();
    if (!snapshot) return counted;
    counted.goOnFrom(snapshot.sums, snapshot.sequence);
    await this.eachFrom(Math.max(1, snapshot.sequence - recognisedIds + 1), snapshot.sequence, ({ payload }) => {
      const id = idIn(payload);
      if (id !== undefined) counted.totals.remember(id);
    });
    this.savedSequence = snapshot.sequence;
    return counted;
  }

  /** Counts what the stream has beyond what was counted. A stream that is shorter than that is another one, and is counted anew. */
  private async readOn(present: CountedUsage): Promise<CountedUsage> {
    const { lastSequence } = await this.stream.state();
    const isOther = lastSequence < present.sequence;
    if (isOther) this.log.warn('usage stream has lost records; usage is counted anew', { lastSequence });
    const counted = isOther ? new CountedUsage() : present;
    const { highWaterMs } = this.clock;
    // Not by a clock that is ahead for a moment: what is dropped does not come back.
    if (Number.isFinite(highWaterMs)) counted.keepFrom(previousMonthAt(highWaterMs));
    await this.eachFrom(counted.sequence + 1, lastSequence, (record) => this.count(counted, record));
    return counted;
  }

  private count(counted: CountedUsage, { sequence, payload }: LogRecord): void {
    try {
      counted.add(readUsageRecord(payload));
    } catch (error) {
      this.log.error('usage stream has a message that is no usage record', { sequence, err: error });
    }
    counted.sequence = sequence;
  }

  private async eachFrom(first: number, last: number, take: (record: LogRecord) => void): Promise<void> {
    if (first > last) return;
    let taken = 0;
    for await (const record of this.stream.read(first)) {
      if (record.sequence > last) return;
      take(record);
      taken++;
      if (taken % recordsPerTurn === 0) await turn();
    }
  }

  private async save({ totals, sequence }: CountedUsage): Promise<void> {
    if (sequence === this.savedSequence) return;
    this.savedAtMs = performance.now();
    try {
      await this.snapshots.save({ sequence, sums: totals.sums() }, (await this.stream.state()).lastSequence);
      this.savedSequence = sequence;
    } catch (error) {
      this.log.warn('snapshot of usage totals could not be stored', { code: ProblemError.from(error).code });
    }
  }
}

function idIn(payload: Uint8Array): string | undefined {
  try {
    const { id } = JSON.parse(Buffer.from(payload).toString('utf8')) as { id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
