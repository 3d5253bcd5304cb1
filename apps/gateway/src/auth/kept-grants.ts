import { createHash } from 'node:crypto';
import type { AuthorizationGranted, AuthorizationRequest, Feature } from '@app/protocol';

const maxKeys = 10_000;

interface KeptGrant {
  readonly feature: Feature;
  /** Empty if the request named none. */
  readonly model: string;
  readonly granted: AuthorizationGranted;
  readonly untilMs: number;
}

/** What is decided about: a key or token, kept as a hash only, and what it wants to do. */
export interface Decided {
  readonly keyHash: string;
  readonly feature: Feature;
  /** Empty if the request names none. */
  readonly model: string;
  readonly use: string;
  /** The same use when the connection opened, for work on a connection. */
  readonly openingUse?: string;
}

/** For how long a grant serves while the license app does not answer: the revocation delay and the grace. */
export const keptForMs = ({ validForMs, graceMs = 0 }: AuthorizationGranted): number => validForMs + graceMs;

export function decidedIn({ key, feature, model = '', connected = false }: AuthorizationRequest): Decided {
  const keyHash = createHash('sha256').update(key).digest('base64');
  const use = `${feature}\n${model}`;
  const about = { keyHash, feature, model };
  return connected ? { ...about, use: `${use}\nconnected`, openingUse: use } : { ...about, use };
}

/** The latest grants, each until it ends. Times are monotonic, in milliseconds. */
export class KeptGrants {
  /** By key and use. The key that was granted something longest ago is the first. */
  private readonly byKey = new Map<string, Map<string, KeptGrant>>();

  keep({ keyHash, feature, model, use }: Decided, granted: AuthorizationGranted, nowMs: number): void {
    const grants = this.byKey.get(keyHash) ?? new Map<string, KeptGrant>();
    grants.set(use, { feature, model, granted, untilMs: nowMs + keptForMs(granted) });
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

  /** Of a key that is refused a feature and may have others. */
  forgetFeature(refused: Decided): void {
    this.forget(refused, ({ feature }) => feature === refused.feature);
  }

  /** Of a key that is refused a model: the grants of the feature that serve this model. */
  forgetModel(refused: Decided): void {
    const serves = ({ model, granted: { models } }: KeptGrant): boolean =>
      model === '' ? !models || models.includes(refused.model) : model === refused.model;
    this.forget(refused, (grant) => grant.feature === refused.feature && serves(grant));
  }

  /** Of a key that is refused as such. */
  forgetKey({ keyHash }: Decided): void {
    this.byKey.delete(keyHash);
  }

  private forget({ keyHash }: Decided, isRefused: (grant: KeptGrant) => boolean): void {
    const grants = this.byKey.get(keyHash);
    for (const [use, grant] of grants ?? []) if (isRefused(grant)) grants?.delete(use);
  }
}
