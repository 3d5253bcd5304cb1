import { ProblemError, validated } from '@app/protocol';
import type { KeyValueStore, Subscription } from '@app/broker';
import { ApiKeyRecord, hashApiKey } from '@app/licensing';
import type { Log } from '@app/platform';

/** The JetStream key/value bucket of API keys. An entry's name is the id of its key. */
export const keyBucket = 'antiphon-keys';

/**
 * All API keys of the bucket, kept in memory. An answer needs no request to NATS. While NATS is away the keys stay valid and
 * changes arrive later.
 */
export class KeyDirectory {
  /** Hash, then id. A key that is being renamed has two ids for a moment. Undefined until the keys were read. */
  private byHash: Map<string, Map<string, ApiKeyRecord>> | undefined;
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

  /** API keys, however many ids each has. */
  get size(): number {
    return this.byHash?.size ?? 0;
  }

  /**
   * The record of a key; `key_unknown` where there is none, `license_unavailable` before the keys were read. If several ids
   * hold the key, the first one in alphabetical order counts, so that every license process answers alike.
   */
  find(key: string): ApiKeyRecord {
    if (!this.byHash) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
    const records = this.byHash.get(hashApiKey(key));
    if (!records) throw new ProblemError('key_unknown');
    return [...records.values()].reduce((first, record) => (record.id < first.id ? record : first));
  }

  /** The record of a key by its id; undefined where there is none, `license_unavailable` before the keys were read. */
  findById(id: string): ApiKeyRecord | undefined {
    if (!this.byHash) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
    const hash = this.hashById.get(id);
    return hash === undefined ? undefined : this.byHash.get(hash)?.get(id);
  }

  private set(id: string, value: string | undefined): void {
    this.remove(id);
    const record = value === undefined ? undefined : this.read(id, value);
    if (!record || !this.byHash) return;
    const records = this.byHash.get(record.sha256) ?? new Map<string, ApiKeyRecord>();
    this.byHash.set(record.sha256, records.set(id, record));
    this.hashById.set(id, record.sha256);
  }

  private remove(id: string): void {
    const hash = this.hashById.get(id);
    const records = hash === undefined ? undefined : this.byHash?.get(hash);
    if (hash === undefined || !records) return;
    this.hashById.delete(id);
    records.delete(id);
    if (records.size === 0) this.byHash?.delete(hash);
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
