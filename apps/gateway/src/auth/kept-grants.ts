import { createHash } from 'node:crypto';
import type { AuthorizationGranted, AuthorizationRequest } from '@app/protocol';

const maxKeys = 10_000;

interface KeptGrant {
  readonly granted: AuthorizationGranted;
  readonly untilMs: number;
}

/** What is decided about: a key or token, kept as a hash only, and what it wants to do. */
export interface Decided {
  readonly keyHash: string;
  readonly use: string;
  /** The same use when the connection opened, for work on a connection. */
  readonly openingUse?: string;
}

/** For how long a grant serves while the license app does not answer: the revocation delay and the grace. */
export const keptForMs = ({ validForMs, graceMs = 0 }: AuthorizationGranted): number => validForMs + graceMs;

export function decidedIn({ key, feature, model = '', connected = false }: AuthorizationRequest): Decided {
  const keyHash = createHash('sha256').update(key).digest('base64');
  const use = `${feature}\n${model}`;
  return connected ? { keyHash, use: `${use}\nconnected`, openingUse: use } : { keyHash, use };
}

/** The latest grants, each until it ends. Times are monotonic, in milliseconds. */
export class KeptGrants {
  /** By key and use. The key that was granted something longest ago is the first. */
  private readonly byKey = new Map<string, Map<string, KeptGrant>>();

  keep({ keyHash, use }: Decided, granted: AuthorizationGranted, nowMs: number): void {
    const grants = this.byKey.get(keyHash) ?? new Map<string, KeptGrant>();
    grants.set(use, { granted, untilMs: nowMs + keptForMs(granted) });
    this.byKey.delete(keyHash);
    this.byKey.set(keyHash, grants);
    const oldest = this.byKey.keys().next();
    if (this.byKey.size > maxKeys && !oldest.done) this.byKey.delete(oldest.value);
  }

  /** What let a connection open serves for the work on it. The reverse would let an expired token in. */
  find({ keyHash, use, openingUse = use }: Decided, nowMs: number): AuthorizationGranted | undefined {
    const grants = this.byKey.get(keyHash);
    const found = [grants?.get(use), grants?.get(openingUse)].find((grant) => grant && grant.untilMs > nowMs);
    return found?.granted;
  }

  /** A key that is refused one use may have others. */
  forgetUse({ keyHash, use }: Decided): void {
    this.byKey.get(keyHash)?.delete(use);
  }

  /** Of a key that is refused as such. */
  forgetKey({ keyHash }: Decided): void {
    this.byKey.delete(keyHash);
  }
}
