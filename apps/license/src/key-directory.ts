import { ProblemError, validated } from '@app/protocol';
import type { KeyValueStore, Subscription } from '@app/broker';
import { ApiKeyRecord, hashApiKey } from '@app/licensing';
import type { Log } from '@app/platform';

/** Bucket of API keys, by their ids. */
export const keyBucket = 'antiphon-keys';

/**
 * All API keys in memory, as the bucket has them: an answer takes no trip over the bus, and an outage of the bus changes
 * nothing but that changes arrive later.
 */
export class KeyDirectory {
  private byHash: Map<string, ApiKeyRecord> | undefined;
  private readonly hashById = new Map<string, string>();
  private subscription: Subscription | undefined;

  constructor(
    private readonly store: KeyValueStore,
    private readonly seeds: readonly ApiKeyRecord[],
    private readonly log: Log,
  ) {}

  /** Resolves when the first keys are in the bucket and all were read. */
  async start(): Promise<void> {
    await this.plantSeeds(new Map());
    this.subscription = await this.store.watch({
      onSnapshot: (entries) => {
        this.byHash = new Map();
        this.hashById.clear();
        for (const [id, value] of entries) this.set(id, value);
        // A bus that was away may have lost its disk.
        void this.plantSeeds(entries);
      },
      onChange: (id, value) => this.set(id, value),
    });
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** Whether the keys were read. */
  get loaded(): boolean {
    return this.byHash !== undefined;
  }

  get size(): number {
    return this.byHash?.size ?? 0;
  }

  /** The record of a key; `key_unknown` where there is none, `license_unavailable` before the keys were read. */
  find(key: string): ApiKeyRecord {
    if (!this.byHash) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
    const record = this.byHash.get(hashApiKey(key));
    if (!record) throw new ProblemError('key_unknown');
    return record;
  }

  private set(id: string, value: string | undefined): void {
    const before = this.hashById.get(id);
    if (before !== undefined) this.byHash?.delete(before);
    this.hashById.delete(id);
    const record = value === undefined ? undefined : this.read(id, value);
    if (!record) return;
    this.byHash?.set(record.sha256, record);
    this.hashById.set(id, record.sha256);
  }

  private read(id: string, value: string): ApiKeyRecord | undefined {
    try {
      const record = validated(ApiKeyRecord, JSON.parse(value));
      if (record.id === id) return record;
      this.log.warn('API key record ignored: its id is not its name', { keyId: id });
    } catch {
      // Without the error, which may quote the record: somebody may have put a key there in place of its hash.
      this.log.warn('API key record ignored: it is damaged', { keyId: id });
    }
    return undefined;
  }

  /** Puts the first keys of a new stack into the bucket. One that was deleted there stays deleted. */
  private async plantSeeds(present: ReadonlyMap<string, string>): Promise<void> {
    for (const seed of this.seeds) {
      if (present.has(seed.id)) continue;
      try {
        const planted = await this.store.create(seed.id, JSON.stringify(seed));
        if (planted) this.log.info('API key added', { keyId: seed.id });
      } catch (error) {
        this.log.warn('API key could not be added', { keyId: seed.id, err: error });
      }
    }
  }
}
