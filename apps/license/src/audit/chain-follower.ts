import type { AppendLog, LogRecord } from '@app/broker';
import { auditHash, isCheckpoint, readAuditRecord, type AuditRecord } from '@app/licensing';

interface Position {
  readonly sequence: number;
  readonly usageTo: number;
  readonly usageToId?: string | undefined;
}

const start: Position = { sequence: 0, usageTo: 0 };

/**
 * What a process knows of the audit log, from its records alone: how far usage was moved into it, which events of this process
 * it has, and how many records no checkpoint covers.
 */
export class ChainFollower {
  private sequence = 0;
  private hash: string | undefined;
  private position: Position = start;
  private storedEvents = 0;
  private uncoveredRecords = 0;
  private uncoveredMs: number | undefined;

  /** `instance` begins the event ids of this process. */
  constructor(
    private readonly log: AppendLog,
    readonly instance: string,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Sequence, in the usage stream, of the newest record that the audit log has; 0 before the first. */
  get usageTo(): number {
    return this.position.usageTo;
  }

  /** Id of the usage record at `usageTo`; undefined where the audit log does not have it. */
  get usageToId(): string | undefined {
    return this.position.usageToId;
  }

  /** Sequence of the audit record that states `usageTo`; 0 if none does. Whoever starts there knows as much. */
  get positionAt(): number {
    return this.position.sequence;
  }

  /** Records since the newest checkpoint. */
  get uncovered(): number {
    return this.uncoveredRecords;
  }

  /** When the oldest of them was stored, in milliseconds since 1970; undefined if there is none. */
  get uncoveredSinceMs(): number | undefined {
    return this.uncoveredMs;
  }

  /** Whether the log has the event of this process with this number. Its events are stored in the order of their numbers. */
  hasEvent(number: number): boolean {
    return number <= this.storedEvents;
  }

  /** Begins at an audit record that should state `usageTo`. Whatever else is there, the whole log is read. */
  async startAt(sequence: number): Promise<void> {
    for await (const record of this.log.read(sequence)) {
      if (record.sequence === sequence && usageToOf(readAuditRecord(record.payload)) !== undefined) {
        this.sequence = sequence - 1;
      }
      return;
    }
  }

  /** Reads what is newer than what it knows, up to `last`, the newest record. */
  async follow(last: LogRecord | undefined): Promise<void> {
    const newest = last?.sequence ?? 0;
    // The bus lost its disk, or was restored from a backup.
    if (newest < this.sequence) this.forget();
    if (!last || newest === this.sequence) return;
    if (newest === this.sequence + 1 && this.sequence > 0 && this.fits(last)) {
      this.take(last);
      return;
    }
    if (await this.readTo(newest, (record) => this.fits(record))) return;
    this.forget();
    await this.readTo(newest, () => true);
  }

  private async readTo(newest: number, isNext: (record: LogRecord) => boolean): Promise<boolean> {
    for await (const record of this.log.read(this.sequence + 1)) {
      if (record.sequence > newest) break;
      if (!isNext(record)) return false;
      this.take(record);
    }
    return true;
  }

  private fits({ payload }: LogRecord): boolean {
    return this.hash === undefined || readAuditRecord(payload)?.prev === this.hash;
  }

  private take({ sequence, storedAtMs, payload }: LogRecord): void {
    this.sequence = sequence;
    this.hash = auditHash(payload);
    const record = readAuditRecord(payload);
    const usageTo = usageToOf(record);
    if (usageTo !== undefined) this.position = { sequence, usageTo, usageToId: lastIdOf(record, usageTo) };
    this.storedEvents = Math.max(this.storedEvents, this.eventNumber(record?.event));
    if (record && isCheckpoint(record)) {
      this.uncoveredRecords = 0;
      this.uncoveredMs = undefined;
    } else {
      this.uncoveredRecords++;
      this.uncoveredMs ??= Math.min(storedAtMs, this.nowMs());
    }
  }

  private eventNumber(event: unknown): number {
    if (typeof event !== 'string' || !event.startsWith(`${this.instance}-`)) return 0;
    return Number(event.slice(this.instance.length + 1));
  }

  private forget(): void {
    this.sequence = 0;
    this.hash = undefined;
    this.position = start;
    this.uncoveredRecords = 0;
    this.uncoveredMs = undefined;
  }
}

function usageToOf(record: AuditRecord | undefined): number | undefined {
  const usageTo = record?.usageTo;
  return Number.isSafeInteger(usageTo) ? (usageTo as number) : undefined;
}

/** Of a record with usage. A message at `usageTo` that is no usage record has no id. */
function lastIdOf(record: AuditRecord | undefined, usageTo: number): string | undefined {
  const { records, unreadable } = (record ?? {}) as { records?: unknown; unreadable?: unknown };
  if (!Array.isArray(records) || (Array.isArray(unreadable) && unreadable.includes(usageTo))) return undefined;
  const id: unknown = (records.at(-1) as { id?: unknown } | undefined)?.id;
  return typeof id === 'string' ? id : undefined;
}
