import { setTimeout as pause } from 'node:timers/promises';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { KeyValueListener } from './key-value-store';

/** Between attempts to open the watch again. */
const retryPauseMs = 250;

/** One watch of a bucket, opened anew (with a fresh snapshot) whenever it breaks. */
export class BucketWatch {
  private current: { stop(): void } | undefined;
  private stopped = false;

  /** `open` gives the bucket, created where the server has lost it. */
  constructor(
    private readonly open: () => Promise<KV>,
    private readonly listener: KeyValueListener,
  ) {}

  /** Resolves after the first snapshot; rejects when the watch could not even be opened. */
  async start(): Promise<void> {
    const first = await this.follow();
    await first.current;
    void this.keepFollowing(first.ended);
  }

  /** Drops what it has: the bus was away, changes may have been missed. */
  restart(): void {
    this.current?.stop();
  }

  stop(): void {
    this.stopped = true;
    this.current?.stop();
  }

  private async keepFollowing(ended: Promise<void>): Promise<void> {
    await ended;
    while (!this.stopped) {
      try {
        await (
          await this.follow()
        ).ended;
      } catch {
        // The server is not there yet, or not whole: the loop is the retry.
      }
      if (!this.stopped) await pause(retryPauseMs);
    }
  }

  /** Opens the watch once. `current`: the snapshot was given; `ended`: it broke or was stopped. */
  private async follow(): Promise<{ current: Promise<void>; ended: Promise<void> }> {
    const bucket = await this.open();
    const entries = await bucket.watch();
    this.current = entries;
    if (this.stopped) entries.stop();
    const snapshot = new SnapshotThenChanges(this.listener);
    const isEmpty = (await bucket.status()).values === 0;
    if (isEmpty) snapshot.complete();
    const read = async (): Promise<void> => {
      for await (const entry of entries) snapshot.take(entry);
    };
    const ended = read();
    return { current: Promise.race([snapshot.given, ended]), ended };
  }
}

/** Collects the entries that were there, gives them at once, and passes on what comes after. */
class SnapshotThenChanges {
  private collected: Map<string, string> | undefined = new Map();
  private resolveGiven!: () => void;
  readonly given = new Promise<void>((resolve) => (this.resolveGiven = resolve));

  constructor(private readonly listener: KeyValueListener) {}

  take(entry: KvWatchEntry): void {
    const value = entry.operation === 'PUT' ? entry.string() : undefined;
    if (!this.collected) {
      this.listener.onChange(entry.key, value);
      return;
    }
    if (value === undefined) this.collected.delete(entry.key);
    else this.collected.set(entry.key, value);
    // The library marks the last of the entries that were there, too.
    if (entry.isUpdate) this.complete();
  }

  complete(): void {
    if (!this.collected) return;
    const snapshot = this.collected;
    this.collected = undefined;
    this.listener.onSnapshot(snapshot);
    this.resolveGiven();
  }
}
