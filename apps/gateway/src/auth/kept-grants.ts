import { createHash } from 'node:crypto';
import { isAccessToken, type AuthorizationGranted, type AuthorizationRequest, type Feature } from '@app/protocol';

/** Of API keys, and of access tokens too. */
const maxCredentials = 10_000;

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
  readonly credential: 'key' | 'token';
  readonly feature: Feature;
  /** Empty if the request names none. */
  readonly model: string;
  readonly use: string;
  /** For work on a connection: the uses with which the connection may have opened. A TTS socket opens without a model. */
  readonly openingUses: readonly string[];
}

/** For how long a grant serves while the license app does not answer: the revocation delay and the grace. */
export const keptForMs = ({ validForMs, graceMs = 0 }: AuthorizationGranted): number => validForMs + graceMs;

export function decidedIn({ key, feature, model = '', connected = false }: AuthorizationRequest): Decided {
  const credential = isAccessToken(key) ? 'token' : 'key';
  const keyHash = createHash('sha256').update(key).digest('base64');
  const use = useOf(feature, model);
  const about = { keyHash, credential, feature, model } as const;
  if (!connected) return { ...about, use, openingUses: [] };
  return { ...about, use: `${use}\nconnected`, openingUses: [use, useOf(feature, '')] };
}

const useOf = (feature: Feature, model: string): string => `${feature}\n${model}`;

/** The latest grants, each until it ends. Times are monotonic, in milliseconds. */
export class KeptGrants {
  /**
   * By hash and use. The credential that was granted something longest ago is the first. A key can get any number of tokens, so
   * they have a map of their own, in which they push out no key.
   */
  private readonly byHash = {
    key: new Map<string, Map<string, KeptGrant>>(),
    token: new Map<string, Map<string, KeptGrant>>(),
  };

  keep({ keyHash, credential, feature, model, use }: Decided, granted: AuthorizationGranted, nowMs: number): void {
    const byHash = this.byHash[credential];
    const grants = byHash.get(keyHash) ?? new Map<string, KeptGrant>();
    grants.set(use, { feature, model, granted, untilMs: nowMs + keptForMs(granted) });
    byHash.delete(keyHash);
    byHash.set(keyHash, grants);
    const oldest = byHash.keys().next();
    if (byHash.size > maxCredentials && !oldest.done) byHash.delete(oldest.value);
  }

  /** What let a connection open serves for the work on it. The reverse would let an expired token in. */
  find({ keyHash, credential, use, openingUses }: Decided, nowMs: number): AuthorizationGranted | undefined {
    const grants = this.byHash[credential].get(keyHash);
    const found = [use, ...openingUses].map((one) => grants?.get(one)).find((grant) => grant && grant.untilMs > nowMs);
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
  forgetKey({ keyHash, credential }: Decided): void {
    this.byHash[credential].delete(keyHash);
  }

  private forget({ keyHash, credential }: Decided, isRefused: (grant: KeptGrant) => boolean): void {
    const grants = this.byHash[credential].get(keyHash);
    for (const [use, grant] of grants ?? []) if (isRefused(grant)) grants?.delete(use);
  }
}
