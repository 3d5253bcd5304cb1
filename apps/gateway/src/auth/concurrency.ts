import { ProblemError, type AuthorizationGranted } from '@app/protocol';

/** Seconds after which a refused client may try again. Most utterances are over by then. */
const retryAfterSeconds = 1;

/**
 * Counts the active contexts and STT streams of each key on this gateway. Refuses more than the limit of the key, which
 * holds for all gateways together.
 */
export class Concurrency {
  private readonly activeByKey = new Map<string, number>();

  /**
   * `elsewhere` returns the number of active contexts and STT streams of a key on other gateways. `defaultLimit` holds
   * for keys whose grant has no limit.
   */
  constructor(
    private readonly elsewhere: (keyId: string) => number = () => 0,
    private readonly defaultLimit = Infinity,
  ) {}

  /** Counts one more until the returned function is called. Throws `concurrency_limited` at the limit. */
  enter({ keyId, maxConcurrent: limit = this.defaultLimit }: AuthorizationGranted): () => void {
    const here = this.activeByKey.get(keyId) ?? 0;
    if (here + this.elsewhere(keyId) >= limit) {
      const detail = `At most ${limit} contexts and streams of this key may be active at once.`;
      throw new ProblemError('concurrency_limited', { detail, retryAfterSeconds });
    }
    this.activeByKey.set(keyId, here + 1);
    let left = false;
    return () => {
      if (!left) this.leave(keyId);
      left = true;
    };
  }

  /** Active contexts and STT streams per key id, for the other gateways. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.activeByKey);
  }

  /** Number of active contexts and STT streams on this gateway. */
  get total(): number {
    return [...this.activeByKey.values()].reduce((sum, count) => sum + count, 0);
  }

  private leave(keyId: string): void {
    const rest = (this.activeByKey.get(keyId) ?? 1) - 1;
    if (rest > 0) this.activeByKey.set(keyId, rest);
    else this.activeByKey.delete(keyId);
  }
}
