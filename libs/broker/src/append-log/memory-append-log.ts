import { ProblemError } from '@app/protocol';
import { AppendLog, type Appended, type LogRecord, type LogState } from './append-log';

/** The records that the writers of one in-memory log share. `disconnect` and `reconnect` play an outage of the bus. */
export class MemoryLogStore {
  records: LogRecord[] = [];
  lastSequence = 0;
  connected = true;
  readonly sequenceById = new Map<string, number>();

  constructor(readonly maxBytes?: number) {}

  get bytes(): number {
    return this.records.reduce((sum, { payload }) => sum + payload.byteLength, 0);
  }

  disconnect(): void {
    this.connected = false;
  }

  reconnect(): void {
    this.connected = true;
  }
}

/** In-memory implementation of a log for tests: same promises as on JetStream, no bus. */
export class MemoryAppendLog extends AppendLog {
  private closed = false;

  constructor(private readonly store = new MemoryLogStore()) {
    super();
  }

  get connected(): boolean {
    return this.store.connected && !this.closed;
  }

  append(payload: Uint8Array, id: string): Promise<Appended> {
    return this.reach(() => this.known(id) ?? this.add(payload, id));
  }

  appendAfter(payload: Uint8Array, id: string, lastSequence: number): Promise<Appended | undefined> {
    return this.reach(
      () => this.known(id) ?? (lastSequence === this.store.lastSequence ? this.add(payload, id) : undefined),
    );
  }

  first(): Promise<LogRecord | undefined> {
    return this.reach(() => this.store.records[0]);
  }

  last(): Promise<LogRecord | undefined> {
    return this.reach(() => this.store.records.at(-1));
  }

  async *read(sequence: number): AsyncIterable<LogRecord> {
    const records = await this.reach(() => this.store.records.filter((record) => record.sequence >= sequence));
    for (const record of records) yield await this.reach(() => record);
  }

  dropBefore(sequence: number): Promise<void> {
    return this.reach(() => {
      const { store } = this;
      store.records = store.records.filter((record) => record.sequence >= Math.min(sequence, store.lastSequence));
    });
  }

  state(): Promise<LogState> {
    return this.reach(() => {
      const { records, lastSequence, bytes, maxBytes } = this.store;
      const firstSequence = records[0]?.sequence ?? lastSequence + 1;
      return { firstSequence, lastSequence, records: records.length, bytes, maxBytes };
    });
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  private known(id: string): Appended | undefined {
    const sequence = this.store.sequenceById.get(id);
    return sequence === undefined ? undefined : { sequence, duplicate: true };
  }

  private add(payload: Uint8Array, id: string): Appended {
    const { store } = this;
    if (store.bytes + payload.byteLength > (store.maxBytes ?? Infinity)) throw new ProblemError('disk_full');
    const sequence = ++store.lastSequence;
    store.records.push({ sequence, storedAtMs: Date.now(), payload: payload.slice() });
    store.sequenceById.set(id, sequence);
    return { sequence, duplicate: false };
  }

  private async reach<T>(action: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.connected) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
    return action();
  }
}
