import { createHash, randomBytes } from 'node:crypto';
import { IsArray, IsISO8601, IsInt, IsString, Matches, Min, ValidateIf } from 'class-validator';
import { idPattern, licenseFeatures, namePrefix, NestedArray, ProblemError, validated } from '@app/protocol';

/** The form of an API key: 256 random bits behind a prefix that secret scanners can recognise. */
export const apiKeyPattern = new RegExp(`^sk_${namePrefix}_[A-Za-z0-9_-]{43}$`);

/** Makes a new API key. It is shown once. Only its hash is stored. */
export const makeApiKey = (): string => `sk_${namePrefix}_${randomBytes(32).toString('base64url')}`;

/**
 * The stored form of a key: SHA-256 in hex. A slow hash is needed for guessable secrets only. 256 random bits cannot be
 * guessed, and the hash is computed on every request.
 */
export const hashApiKey = (key: string): string => createHash('sha256').update(key, 'utf8').digest('hex');

/** The scope that the API of the license app asks for. A key has it only if its record names it. */
export const adminScope = 'admin';

/** What a key may be used for: everything that a licence can have, and `admin`. */
export const keyScopes: readonly string[] = [...licenseFeatures, adminScope];

const sha256Pattern = /^[0-9a-f]{64}$/;
/** A day, which begins in UTC, or a time with its zone: texts that mean the same moment on every machine. */
const momentPattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Checks the other rules of the field unless it is absent. Unlike class-validator's IsOptional, it does not let null pass. */
export const IfPresent = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

const IsMoment = (): PropertyDecorator => (target, field) => {
  IsISO8601({ strict: true })(target, field);
  const message = `${String(field)} must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z`;
  Matches(momentPattern, { message })(target, field);
};

/** The settings that the creator of a key chooses. An absent limit means no limit of the key. The limits of the licence also hold. */
export class ApiKeySettings {
  /** Some of `keyScopes`. Default: all features of the licence, without `admin`. */
  @IfPresent()
  @IsArray()
  @IsString({ each: true })
  scopes?: string[];

  /** Most contexts and STT streams of this key at the same time. */
  @IfPresent()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;

  /** Characters of text that this key may have spoken in a calendar month (UTC). */
  @IfPresent()
  @IsInt()
  @Min(1)
  monthlyCharacters?: number;

  /** Seconds of audio that this key may have recognised in a calendar month (UTC). */
  @IfPresent()
  @IsInt()
  @Min(1)
  monthlyAudioSeconds?: number;

  /** From then on the key is refused with `key_expired`. */
  @IfPresent()
  @IsMoment()
  expiresAt?: string;
}

/** A key that a rotation replaced. It stays valid until the end of the overlap. */
export class PreviousKey {
  @Matches(sha256Pattern)
  sha256!: string;

  @IsMoment()
  validUntil!: string;
}

/** The stored record of a key, without the key. */
export class ApiKeyRecord extends ApiKeySettings {
  /** Stable id. It can be logged and used in metrics. */
  @Matches(idPattern)
  id!: string;

  @Matches(sha256Pattern)
  sha256!: string;

  @IfPresent()
  @IsMoment()
  createdAt?: string;

  /** Time of the last rotation. */
  @IfPresent()
  @IsMoment()
  rotatedAt?: string;

  /** When it was revoked. The key and its previous ones are refused with `key_revoked`, whatever the clock says now. */
  @IfPresent()
  @IsMoment()
  revokedAt?: string;

  /** Keys that rotations replaced, newest first. */
  @IfPresent()
  @IsArray()
  @NestedArray(() => PreviousKey)
  previous?: PreviousKey[];
}

/**
 * A record of the bucket or of a file with first keys; `bad_request` names what is wrong with it. Records of earlier versions
 * call the scopes `features`; one with both names is refused.
 */
export function readApiKeyRecord(value: unknown): ApiKeyRecord {
  const { features, ...rest } = (value ?? {}) as { features?: unknown; scopes?: unknown };
  if (features === undefined) return validated(ApiKeyRecord, value);
  if (rest.scopes !== undefined) {
    throw new ProblemError('bad_request', { detail: 'features is the earlier name of scopes: give scopes alone.' });
  }
  return validated(ApiKeyRecord, { ...rest, scopes: features });
}

/** Hashes of a record: the present key's first, then those of previous keys. */
export const hashesOf = ({ sha256, previous = [] }: ApiKeyRecord): string[] => [
  sha256,
  ...previous.map((key) => key.sha256),
];
