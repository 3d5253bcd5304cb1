import { ProblemError } from '@app/protocol';
import type { KeyValueStore, Subscription } from '@app/broker';
import {
  hasEnded,
  hashApiKey,
  hashesOf,
  keyState,
  readApiKeyRecord,
  retirementsOf,
  type ApiKeyRecord,
} from '@app/licensing';
import type { Log } from '@app/platform';
import type { RetiredKeys } from './retired-keys';

/** The JetStream key/value bucket of API keys. An entry's name is the id of its key. */
export const keyBucket = 'antiphon-keys';

/** A key that may be used now. Times are in milliseconds since 1970. */
export interface FoundKey {
  readonly record: ApiKeyRecord;
  /** Hash of the key: the present one of the record, or one that a rotation replaced. */
  readonly sha256: string;
  /** The planned end of the key: its expiry, the end of an overlap. Infinity if there is none. */
  readonly untilMs: number;
  /** When a revocation could have been missed for too long, because NATS is away. Infinity while NATS is there. */
  readonly freshUntilMs: number;
}

/**
 * All API keys of the bucket, kept in memory. An answer needs no request to NATS. While NATS is away the keys stay valid for
 * `maxStaleMs`, since a revocation cannot arrive.
 */
export class KeyDirectory {
  /** Hash, then id. A key that is being renamed has two ids for a moment. Undefined until the keys were read. */
  private byHash: Map<string, Map<string, ApiKeyRecord>> | undefined;
  private readonly byId = new Map<string, ApiKeyRecord>();
  private subscription: Subscription | undefined;
  /** When NATS was seen to be away; undefined once the whole bucket was read again. */
  private cutOffAtMs: number | undefined;
  /** Called with the id of each key that this process took from the seeds into the bucket. */
  onPlanted: ((keyId: string) => void) | undefined;

  /** `retired` is started before this directory. */
  constructor(
    private readonly store: KeyValueStore,
    private readonly retired: RetiredKeys,
    private readonly seeds: readonly ApiKeyRecord[],
    private readonly maxStaleMs: number,
    private readonly log: Log,
  ) {}

  /** Resolves when the first keys are in the bucket and all were read. */
  async start(): Promise<void> {
    await this.plantSeeds(new Map());
    this.subscription = await this.store.watch({
      onSnapshot: (entries) => {
        this.cutOffAtMs = undefined;
        this.byHash = new Map();
        this.byId.clear();
        for (const [id, value] of entries) this.set(id, value);
        // After an outage the NATS server may have lost its disk.
        void this.plantSeeds(entries);
        void this.rememberRetired([...this.byId.values()]);
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

  /** Number of API keys that were not revoked. A key with several ids counts once. */
  get size(): number {
    const inUse = this.records().filter(
      ({ sha256, revokedAt }) => revokedAt === undefined && this.retired.endOf(sha256) === undefined,
    );
    return new Set(inUse.map(({ sha256 }) => sha256)).size;
  }

  /** Every record, by id. */
  records(): ApiKeyRecord[] {
    return [...this.byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Whether the file of the first keys has the id, so that the key would come back if all buckets were lost. */
  isSeed(id: string): boolean {
    return this.seeds.some((seed) => seed.id === id && seed.revokedAt === undefined);
  }

  /** Whether the keys were read and may be used: NATS was not away for too long. */
  isCurrent(nowMs: number): boolean {
    return this.loaded && nowMs < this.freshUntilMs(nowMs);
  }

  /**
   * The key, if it may be used at `nowMs`. Throws `key_unknown`, `key_revoked` or `key_expired` if it may not, and
   * `license_unavailable` unless `isCurrent`. If several ids have the key, the first one in alphabetical order counts, so
   * that every license process gives the same answer.
   */
  find(key: string, nowMs: number): FoundKey {
    this.assertCurrent(nowMs);
    const sha256 = hashApiKey(key);
    const records = this.byHash?.get(sha256);
    if (!records) {
      const end = this.retired.endOf(sha256);
      throw new ProblemError(end && hasEnded(end, nowMs) ? 'key_revoked' : 'key_unknown');
    }
    const record = [...records.values()].reduce((first, other) => (other.id < first.id ? other : first));
    return this.usable(record, sha256, nowMs);
  }

  /** The record of an id in whatever state, or undefined if there is none. Throws `license_unavailable` unless `isCurrent`. */
  findById(id: string, nowMs: number): ApiKeyRecord | undefined {
    this.assertCurrent(nowMs);
    return this.byId.get(id);
  }

  /** The key of this record and hash, if it may be used at `nowMs`. Throws `key_revoked` or `key_expired` if it may not. */
  usable(record: ApiKeyRecord, sha256: string, nowMs: number): FoundKey {
    const found = keyState(record, sha256, nowMs, this.retired.endOf(sha256));
    if (found.state !== 'active') throw new ProblemError(found.state === 'expired' ? 'key_expired' : 'key_revoked');
    return { record, sha256, untilMs: found.untilMs, freshUntilMs: this.freshUntilMs(nowMs) };
  }

  /**
   * Until when the keys that were read count, in milliseconds since 1970. Infinity while NATS is there. Call it every few
   * seconds: it notes when NATS went away, even if no request asks for a key.
   */
  freshUntilMs(nowMs: number): number {
    if (!this.store.connected) this.cutOffAtMs ??= nowMs;
    return this.cutOffAtMs === undefined ? Infinity : this.cutOffAtMs + this.maxStaleMs;
  }

  private assertCurrent(nowMs: number): void {
    if (!this.isCurrent(nowMs)) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
  }

  private set(id: string, value: string | undefined): void {
    this.remove(id);
    const record = value === undefined ? undefined : this.read(id, value);
    if (!record || !this.byHash) return;
    this.byId.set(id, record);
    for (const sha256 of hashesOf(record)) {
      const records = this.byHash.get(sha256) ?? new Map<string, ApiKeyRecord>();
      this.byHash.set(sha256, records.set(id, record));
    }
  }

  private remove(id: string): void {
    const record = this.byId.get(id);
    if (!record) return;
    this.byId.delete(id);
    for (const sha256 of hashesOf(record)) {
      const records = this.byHash?.get(sha256);
      records?.delete(id);
      if (records?.size === 0) this.byHash?.delete(sha256);
    }
  }

  private read(id: string, value: string): ApiKeyRecord | undefined {
    try {
      const record = readApiKeyRecord(JSON.parse(value));
      if (record.id === id) return record;
      this.log.warn('API key record ignored: its id is not its name', { keyId: id });
    } catch {
      // The error is not logged: it may quote the record, which may contain a key instead of its hash.
      this.log.warn('API key record ignored: it is damaged', { keyId: id });
    }
    return undefined;
  }

  /** Stores the first keys of a new stack in the bucket. A key that was deleted or revoked there stays so. */
  private async plantSeeds(present: ReadonlyMap<string, string>): Promise<void> {
    await this.rememberRetired(this.seeds);
    for (const seed of this.seeds) {
      if (present.has(seed.id)) continue;
      try {
        const planted = await this.store.create(seed.id, JSON.stringify(seed));
        if (!planted) continue;
        this.log.info('API key added', { keyId: seed.id });
        this.onPlanted?.(seed.id);
      } catch (error) {
        this.log.warn('API key could not be added', { keyId: seed.id, err: error });
      }
    }
  }

  /** Whoever changed a record may have died before the list of retired keys had it. */
  private async rememberRetired(records: readonly ApiKeyRecord[]): Promise<void> {
    for (const record of records) {
      try {
        for (const retirement of retirementsOf(record)) await this.retired.retire(record.id, retirement);
      } catch (error) {
        this.log.warn('retired API key could not be remembered', { keyId: record.id, err: error });
      }
    }
  }
}
