import { IsBoolean, IsISO8601, Matches } from 'class-validator';
import type { KeyValueStore, Subscription } from '@app/broker';
import type { KeyEnd, Retirement } from '@app/licensing';
import type { Log } from '@app/platform';
import { idPattern, validated } from '@app/protocol';

/** The JetStream key/value bucket of retired keys. An entry's name is the hash of its key. */
export const retiredKeyBucket = 'antiphon-retired-keys';

/** An entry of the bucket. */
class RetiredKey {
  @Matches(idPattern)
  keyId!: string;

  @IsISO8601({ strict: true })
  retiredAt!: string;

  @IsBoolean()
  revoked!: boolean;
}

const endOf = ({ retiredAt, revoked }: RetiredKey): KeyEnd => ({ atMs: Date.parse(retiredAt), revoked });

/** Whether an end leaves nothing to add for another one. A revocation is earlier than any time. */
function covers(one: KeyEnd, other: KeyEnd): boolean {
  return one.revoked === other.revoked ? one.atMs <= other.atMs : one.revoked;
}

/**
 * The keys that were revoked or replaced, by hash, in a bucket of their own. A backup of the API keys that is restored does
 * not touch it. An entry may get an earlier time, never a later one, and each license process puts back what it knows and
 * the bucket has lost.
 */
export class RetiredKeys {
  private readonly known = new Map<string, RetiredKey>();
  private subscription: Subscription | undefined;

  constructor(
    private readonly store: KeyValueStore,
    private readonly log: Log,
  ) {}

  /** Resolves when the bucket was read. */
  async start(): Promise<void> {
    this.subscription = await this.store.watch({
      onSnapshot: (entries) => {
        for (const [sha256, value] of entries) this.learn(sha256, value);
        for (const sha256 of this.known.keys()) this.putBackIfLost(sha256, entries.get(sha256));
      },
      onChange: (sha256, value) => {
        if (value !== undefined) this.learn(sha256, value);
        this.putBackIfLost(sha256, value);
      },
    });
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** The end of the key of this hash; undefined for a key that was not retired. */
  endOf(sha256: string): KeyEnd | undefined {
    const entry = this.known.get(sha256);
    return entry && endOf(entry);
  }

  /** Resolves when the retirement is in the bucket; an earlier one that is there already stays. */
  async retire(keyId: string, { sha256, retiredAt, revoked }: Retirement): Promise<void> {
    const entry: RetiredKey = { keyId, retiredAt, revoked };
    if (this.isCovered(sha256, entry)) return;
    const value = JSON.stringify(entry);
    for (;;) {
      const present = await this.store.get(sha256);
      if (present === undefined) {
        await this.store.put(sha256, value);
        break;
      }
      this.learn(sha256, present);
      if (this.isCovered(sha256, entry)) return;
      if (await this.store.replace(sha256, present, value)) break;
    }
    this.learn(sha256, value);
  }

  /** Keeps the earliest time. */
  private learn(sha256: string, value: string): void {
    const entry = this.read(sha256, value);
    if (entry && !this.isCovered(sha256, entry)) this.known.set(sha256, entry);
  }

  private isCovered(sha256: string, entry: RetiredKey): boolean {
    const known = this.endOf(sha256);
    return known !== undefined && covers(known, endOf(entry));
  }

  private putBackIfLost(sha256: string, present: string | undefined): void {
    const entry = this.known.get(sha256);
    const there = present === undefined ? undefined : this.read(sha256, present);
    if (!entry || (there && covers(endOf(there), endOf(entry)))) return;
    this.log.warn('retired API key was missing in its bucket: put back', { keyId: entry.keyId });
    this.store.put(sha256, JSON.stringify(entry)).catch((error: unknown) => {
      this.log.warn('retired API key could not be put back', { keyId: entry.keyId, err: error });
    });
  }

  private read(sha256: string, value: string): RetiredKey | undefined {
    try {
      const entry = validated(RetiredKey, JSON.parse(value));
      if (!Number.isNaN(Date.parse(entry.retiredAt))) return entry;
    } catch {
      // Said below, without the error, which may quote the entry.
    }
    this.log.warn('retired API key ignored: its entry is damaged', { hash: sha256.slice(0, 8) });
    return undefined;
  }
}
