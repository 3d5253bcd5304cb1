import { setTimeout as pause } from 'node:timers/promises';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { KeyValueListener } from './key-value-store';

/** Pause between attempts to open the watch, in milliseconds. */
const retryPauseMs = 250;

/** One watch of a bucket. It is opened again, with a new snapshot, whenever it breaks. */
export class BucketWatch {
  private current: { stop(): void } | undefined;
  private stopped = false;

  /** `open` returns the bucket and creates it if the server has lost it. */
  constructor(
    private readonly open: () => Promise<KV>,
    private readonly listener: KeyValueListener,
  ) {}

  /** Resolves after the first snapshot. Rejects if the watch could not be opened. */
  async start(): Promise<void> {
    const first = await this.follow();
    await first.current;
    void this.keepFollowing(first.ended);
  }

  /** Opens the watch again after an outage, since changes may have been missed. */
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
        // The server or its cluster is not ready yet. The loop retries.
      }
      if (!this.stopped) await pause(retryPauseMs);
    }
  }

  /** Opens the watch once. `current` resolves after the snapshot, `ended` when the watch broke or was stopped. */
  private async follow(): Promise<{ current: Promise<void>; ended: Promise<void> }> {
    const bucket = await this.open();
    const entries = await bucket.watch();
    this.current = entries;
    if (this.stopped) entries.stop();
    const snapshot = new SnapshotThenChanges(this.listener);
    try {
      if ((await bucket.status()).values === 0) snapshot.complete();
    } catch (error) {
      entries.stop();
      throw error;
    }
    const read = async (): Promise<void> => {
      for await (const entry of entries) snapshot.take(entry);
    };
    const ended = read();
    return { current: Promise.race([snapshot.given, ended]), ended };
  }
}

/** Collects the existing entries into one snapshot, then passes on later changes. */
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
    // The library also marks the last existing entry.
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
