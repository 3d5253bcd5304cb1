import type { KeyValueStore } from '@app/broker';
import {
  hashApiKey,
  keyState,
  makeApiKey,
  readApiKeyRecord,
  retirementsOf,
  type ApiKeyRecord,
  type KeyState,
} from '@app/licensing';
import { idPattern, ProblemError } from '@app/protocol';
import { isoDate } from '../documents/descriptions';
import type { KeyDirectory } from './key-directory';
import type { CreateKeyRequest, KeyView, NewKeyView } from './key-requests';
import type { RetiredKeys } from './retired-keys';

/** Attempts to change a record that others change at the same time. */
const maxAttempts = 10;

/**
 * Creates, lists, rotates and revokes API keys in the bucket that every license process follows. Each change is durable when
 * it resolves. Without NATS it is `bus_unavailable`; repeat it then, since NATS may have stored it before it was lost.
 */
export class KeyAdmin {
  /** `timeMs` is the time that counts for expiry, in milliseconds since 1970. */
  constructor(
    private readonly store: KeyValueStore,
    private readonly keys: KeyDirectory,
    private readonly retired: RetiredKeys,
    private readonly timeMs: () => number,
  ) {}

  /** Every key that this process knows, revoked ones included, by id. */
  list(): KeyView[] {
    return this.keys.records().map((record) => this.view(record));
  }

  /** A new key, shown once. `key_conflict` if the id was ever used. */
  async create({ id, ...settings }: CreateKeyRequest): Promise<NewKeyView> {
    const { expiresAt } = settings;
    if (expiresAt !== undefined && Date.parse(expiresAt) <= this.timeMs()) {
      throw new ProblemError('bad_request', { detail: 'expiresAt must be in the future.' });
    }
    const key = makeApiKey();
    const record: ApiKeyRecord = { id, sha256: hashApiKey(key), ...settings, createdAt: isoDate(this.timeMs()) };
    if (!(await this.store.create(id, JSON.stringify(record)))) {
      const detail = `There is or was an API key with the id ${id}: choose another id, or rotate the key.`;
      throw new ProblemError('key_conflict', { detail });
    }
    return { ...this.view(record), key };
  }

  /**
   * A new key with the same id, scopes and limits, shown once. The present key stays valid for the overlap, and no key that an
   * earlier rotation replaced outlives it.
   */
  async rotate(id: string, overlapSeconds: number): Promise<NewKeyView> {
    const key = makeApiKey();
    const rotated = await this.change(id, (record) => {
      const { state } = this.stateOf(record);
      if (state !== 'active') {
        throw new ProblemError('key_conflict', { detail: `The API key ${id} is ${state}: create another one.` });
      }
      const nowMs = this.timeMs();
      const endMs = nowMs + overlapSeconds * 1_000;
      const older = (record.previous ?? [])
        .filter(({ validUntil }) => Date.parse(validUntil) > nowMs)
        .map((old) => ({ ...old, validUntil: isoDate(Math.min(endMs, Date.parse(old.validUntil))) }));
      const previous = [{ sha256: record.sha256, validUntil: isoDate(endMs) }, ...older];
      return { ...record, sha256: hashApiKey(key), rotatedAt: isoDate(nowMs), previous };
    });
    return { ...this.view(rotated), key };
  }

  /** Ends the key and its previous ones at once and for ever. A key that was revoked before stays as it is. */
  async revoke(id: string): Promise<KeyView> {
    const revokedAt = isoDate(this.timeMs());
    return this.view(await this.change(id, (record) => (record.revokedAt ? record : { ...record, revokedAt })));
  }

  /** Puts the changed record, again if another process was faster, and then what it retires into the list of retired keys. */
  private async change(id: string, next: (record: ApiKeyRecord) => ApiKeyRecord): Promise<ApiKeyRecord> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const present = idPattern.test(id) ? await this.store.get(id) : undefined;
      if (present === undefined) throw new ProblemError('not_found', { detail: 'There is no API key with this id.' });
      const changed = next(recordOf(id, present));
      if (!(await this.store.replace(id, present, JSON.stringify(changed)))) continue;
      for (const retirement of retirementsOf(changed)) await this.retired.retire(id, retirement);
      return changed;
    }
    throw new ProblemError('key_conflict', { detail: `Others are changing the API key ${id} too: try again.` });
  }

  private stateOf(record: ApiKeyRecord): KeyState {
    return keyState(record, record.sha256, this.timeMs(), this.retired.endOf(record.sha256));
  }

  private view(record: ApiKeyRecord): KeyView {
    const { id, scopes, maxConcurrent, monthlyCharacters, monthlyAudioSeconds } = record;
    const { createdAt, rotatedAt, expiresAt, previous = [] } = record;
    const found = this.stateOf(record);
    const overlapEnd = found.state === 'active' ? previous[0]?.validUntil : undefined;
    const isOverlap = overlapEnd !== undefined && Date.parse(overlapEnd) > this.timeMs();
    return {
      id,
      state: found.state,
      ...{ scopes, maxConcurrent, monthlyCharacters, monthlyAudioSeconds, createdAt, rotatedAt, expiresAt },
      ...(found.state === 'revoked' ? { revokedAt: isoDate(found.sinceMs) } : {}),
      ...(isOverlap ? { previousValidUntil: overlapEnd } : {}),
      inSeedFile: this.keys.isSeed(id),
    };
  }
}

function recordOf(id: string, text: string): ApiKeyRecord {
  try {
    return readApiKeyRecord(JSON.parse(text));
  } catch {
    // Without the error, which may quote the record.
    throw new ProblemError('key_conflict', { detail: `The record of the API key ${id} is damaged.` });
  }
}
