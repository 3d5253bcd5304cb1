import { setTimeout as pause } from 'node:timers/promises';
import { ProblemError } from '@app/protocol';

/** One record of a log, as it was appended. */
export interface LogRecord {
  /** Given by the log, rising from 1. Dropped records leave their numbers unused. */
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly payload: Uint8Array;
}

/** What became of an append. */
export interface Appended {
  readonly sequence: number;
  /** The log had a record with this message id already; nothing was added, and `sequence` is that record's. */
  readonly duplicate: boolean;
}

/** What a log holds now. */
export interface LogState {
  /** Sequence of the oldest record; `lastSequence + 1` where no record is left. */
  readonly firstSequence: number;
  /** Sequence of the newest record, dropped or not; 0 before the first. */
  readonly lastSequence: number;
  readonly records: number;
  readonly bytes: number;
  /** Size at which appends are refused; undefined where only the disk bounds the log. */
  readonly maxBytes: number | undefined;
}

/** Builds the next record of a chain from the newest one; undefined for no record. */
export type MakeLink = (last: LogRecord | undefined) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * How long an append with a known message id is recognised as a duplicate. A reader must still count each id once: a copy
 * that comes later is stored.
 */
export const duplicateWindowMs = 120_000;

/** Between two attempts of a writer that another writer overtook: at most this, chosen by chance. */
const overtakenPauseMs = 20;
/** A writer that is overtaken more often gives up with `bus_unavailable`. */
const maxOvertaken = 200;

/**
 * Records that are only ever appended, kept on disk. Several processes may write one log. Two implementations: a JetStream
 * stream, and one in memory for tests; both pass the same conformance suite. Failures are ProblemError: `bus_unavailable`, or
 * `disk_full` where the log or the disk under it takes no more. No record is dropped to make room.
 */
export abstract class AppendLog {
  private chaining: Promise<unknown> = Promise.resolve();

  /**
   * Appends a record and resolves once it is stored. `id` (letters, digits, `-`, `_`) makes it idempotent within
   * `duplicateWindowMs`: after a failure, append the same again.
   */
  abstract append(payload: Uint8Array, id: string): Promise<Appended>;

  /** As `append`, but only directly after the record `lastSequence` (0: as the first). undefined: another record is newer. */
  abstract appendAfter(payload: Uint8Array, id: string, lastSequence: number): Promise<Appended | undefined>;

  /** The oldest record that is left; undefined where the log holds none. */
  abstract first(): Promise<LogRecord | undefined>;

  /** The newest record; undefined where the log holds none. */
  abstract last(): Promise<LogRecord | undefined>;

  /** The records from `sequence` on, in order, up to the one that was newest when reading began. */
  abstract read(sequence: number): AsyncIterable<LogRecord>;

  /** Drops the records below `sequence`. The newest record always stays, since the next one of a chain is built on it. */
  abstract dropBefore(sequence: number): Promise<void>;

  abstract state(): Promise<LogState>;

  /** Whether the bus can be reached now. */
  abstract readonly connected: boolean;
  abstract close(): Promise<void>;

  /**
   * Appends the record that `make` builds from the newest one; where `make` gives none, nothing happens, and the result is
   * undefined. Where another writer was faster, `make` is called again with that writer's record. Calls of one process run one
   * after the other. The same `id` after a failure adds no second record.
   */
  chain(id: string, make: MakeLink): Promise<Appended | undefined> {
    const appended = this.chaining.then(() => this.appendToNewest(id, make));
    this.chaining = appended.catch(() => undefined);
    return appended;
  }

  /**
   * Drops what was stored before a time, in milliseconds since 1970, up to a sequence. Resolves to the number of records that
   * went.
   */
  async dropStoredBefore(timeMs: number, upToSequence = Infinity): Promise<number> {
    let dropped = 0;
    let next: number | undefined;
    for await (const { sequence, storedAtMs } of this.read(1)) {
      next = sequence;
      if (storedAtMs >= timeMs || sequence > upToSequence) break;
      dropped++;
    }
    if (next === undefined || dropped === 0) return 0;
    const before = await this.state();
    await this.dropBefore(next);
    return before.records - (await this.state()).records;
  }

  private async appendToNewest(id: string, make: MakeLink): Promise<Appended | undefined> {
    for (let overtaken = 0; overtaken < maxOvertaken; overtaken++) {
      const last = await this.last();
      const link = await make(last);
      if (link === undefined) return undefined;
      const appended = await this.appendAfter(link, id, last?.sequence ?? 0);
      if (appended) return appended;
      await pause(Math.random() * overtakenPauseMs);
    }
    throw new ProblemError('bus_unavailable', { detail: 'Too many writers at once. Try again.', retryAfterSeconds: 1 });
  }
}
