import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyValueStore, Subscription } from '@app/broker';
import { hashesOf, type ApiKeyRecord } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError, tokenPrefix, type TokenFeature } from '@app/protocol';
import type { FoundKey } from './keys/key-directory';

/** The JetStream key/value bucket of the secret that signs access tokens. It needs no backup: tokens are valid for an hour at most. */
export const tokenBucket = 'antiphon-tokens';

const secretName = 'secret';
const secretPattern = /^[A-Za-z0-9_-]{43,}$/;
const tokenPattern = new RegExp(`^${tokenPrefix}([A-Za-z0-9_-]{1,1024})\\.([A-Za-z0-9_-]{43})$`);

/** The content of a token. Its holder can read this. */
interface TokenClaims {
  /** Id of the API key that it stands for. */
  readonly sub: string;
  readonly features: readonly TokenFeature[];
  /** End, in seconds since 1970. */
  readonly exp: number;
}

/** A token that this deployment issued for a key that is known. */
export interface ReadToken {
  readonly record: ApiKeyRecord;
  /** Hash of the key that got the token: the present one of the record, or one that a rotation replaced. */
  readonly sha256: string;
  readonly features: readonly TokenFeature[];
  readonly expiresAtMs: number;
}

/**
 * Access tokens: claims and an HMAC-SHA256 over the claims and the hash of the API key. Every license process signs with one
 * secret, which the first of them stores in the bucket. A token ends with its key: without the key's record it does not verify.
 */
export class AccessTokens {
  private secret: string | undefined;
  private subscription: Subscription | undefined;

  constructor(
    private readonly store: KeyValueStore,
    private readonly log: Log,
  ) {}

  /** Resolves when a secret is in the bucket and was read. */
  async start(): Promise<void> {
    await this.plantSecret();
    this.subscription = await this.store.watch({
      onSnapshot: (entries) => {
        const secret = entries.get(secretName);
        // After an outage the NATS server may have lost its disk.
        if (secret === undefined) void this.plantSecret();
        else this.take(secret);
      },
      onChange: (name, value) => {
        if (name === secretName && value !== undefined) this.take(value);
      },
    });
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** A token for the holder of a key. Throws `license_unavailable` before the secret was read. */
  issue({ record, sha256 }: FoundKey, features: readonly TokenFeature[], expiresAtMs: number): string {
    const claims: TokenClaims = { sub: record.id, features, exp: Math.floor(expiresAtMs / 1_000) };
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${tokenPrefix}${payload}.${this.sign(payload, sha256)}`;
  }

  /**
   * The content of a token. Throws `key_unknown` if it was not issued here or its key is gone. `recordOf` finds the record of
   * a key id. The end of the token and of its key are not checked.
   */
  read(token: string, recordOf: (keyId: string) => ApiKeyRecord | undefined): ReadToken {
    const [, payload = '', signature = ''] = tokenPattern.exec(token) ?? [];
    const claims = claimsIn(payload);
    const record = claims && recordOf(claims.sub);
    const sha256 = record && hashesOf(record).find((hash) => isSame(signature, this.sign(payload, hash)));
    if (!record || sha256 === undefined) {
      throw new ProblemError('key_unknown', { detail: 'Get a new access token. This server does not know this one.' });
    }
    return { record, sha256, features: claims.features, expiresAtMs: claims.exp * 1_000 };
  }

  private sign(payload: string, keyHash: string): string {
    if (this.secret === undefined) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
    return createHmac('sha256', this.secret).update(`${payload}.${keyHash}`).digest('base64url');
  }

  private take(secret: string): void {
    if (secretPattern.test(secret)) this.secret = secret;
    else this.log.warn('secret of access tokens ignored: it is damaged or too short');
  }

  /** The first of all license processes makes the secret. */
  private async plantSecret(): Promise<void> {
    try {
      const isMade = await this.store.create(secretName, randomBytes(32).toString('base64url'));
      if (isMade) this.log.info('secret of access tokens created');
    } catch (error) {
      this.log.warn('secret of access tokens could not be created', { err: error });
    }
  }
}

/** Compares in a time that does not depend on where the texts differ. */
const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** The claims are ours once the MAC is verified; what is needed for that is checked here. */
function claimsIn(payload: string): TokenClaims | undefined {
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as TokenClaims | null;
    return typeof claims?.sub === 'string' ? claims : undefined;
  } catch {
    return undefined;
  }
}
