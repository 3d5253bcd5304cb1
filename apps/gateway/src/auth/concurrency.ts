import { ProblemError, type AuthorizationGranted } from '@app/protocol';

/** When a refused client may try again: most utterances are over by then. */
const retryAfterSeconds = 1;

/** Counts what each key has at work here, and refuses what would exceed its limit over all gateways. */
export class Concurrency {
  private readonly activeByKey = new Map<string, number>();

  /**
   * `elsewhere` tells how many contexts and STT streams of a key other gateways have at work; `defaultLimit` holds for keys
   * whose grant names none.
   */
  constructor(
    private readonly elsewhere: (keyId: string) => number = () => 0,
    private readonly defaultLimit = Infinity,
  ) {}

  /** Counts one more until the returned function is called; throws `concurrency_limited` at the limit. */
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

  /** All that is active here. */
  get total(): number {
    return [...this.activeByKey.values()].reduce((sum, count) => sum + count, 0);
  }

  private leave(keyId: string): void {
    const rest = (this.activeByKey.get(keyId) ?? 1) - 1;
    if (rest > 0) this.activeByKey.set(keyId, rest);
    else this.activeByKey.delete(keyId);
  }
}
