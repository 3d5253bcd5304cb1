import { createHash } from 'node:crypto';
import type { AuthorizationGranted, AuthorizationRequest } from '@app/protocol';

const maxKept = 10_000;

interface KeptGrant {
  readonly granted: AuthorizationGranted;
  readonly untilMs: number;
}

/** For how long a grant serves while the license app does not answer: the revocation delay and the grace. */
export const keptForMs = ({ validForMs, graceMs = 0 }: AuthorizationGranted): number => validForMs + graceMs;

/** What a decision is about. Keys are kept as hashes only. */
export const decisionId = ({ key, feature, model, connected }: AuthorizationRequest): string =>
  createHash('sha256')
    .update(`${feature}\n${model ?? ''}\n${connected ?? false}\n${key}`)
    .digest('base64');

/** The latest grants, each until it ends. Times are monotonic, in milliseconds. */
export class KeptGrants {
  private readonly grants = new Map<string, KeptGrant>();

  keep(id: string, granted: AuthorizationGranted, nowMs: number): void {
    this.grants.delete(id);
    this.grants.set(id, { granted, untilMs: nowMs + keptForMs(granted) });
    const oldest = this.grants.keys().next();
    if (this.grants.size > maxKept && !oldest.done) this.grants.delete(oldest.value);
  }

  find(id: string, nowMs: number): AuthorizationGranted | undefined {
    const kept = this.grants.get(id);
    if (kept && kept.untilMs > nowMs) return kept.granted;
    this.grants.delete(id);
    return undefined;
  }

  forget(id: string): void {
    this.grants.delete(id);
  }
}
