import { createHash, randomBytes } from 'node:crypto';
import { IsInt, IsOptional, IsString, Matches, Min } from 'class-validator';
import { idPattern, namePrefix } from '@app/protocol';

/** The form of an API key: 256 random bits behind a prefix that secret scanners can recognise. */
export const apiKeyPattern = new RegExp(`^sk_${namePrefix}_[A-Za-z0-9_-]{43}$`);

/** Makes a new API key. It is shown once. Only its hash is stored. */
export const makeApiKey = (): string => `sk_${namePrefix}_${randomBytes(32).toString('base64url')}`;

/**
 * The stored form of a key: SHA-256 in hex. A slow hash is needed for guessable secrets only. 256 random bits cannot be
 * guessed, and the hash is computed on every request.
 */
export const hashApiKey = (key: string): string => createHash('sha256').update(key, 'utf8').digest('hex');

/** The stored record of a key, without the key. */
export class ApiKeyRecord {
  /** Stable id. It can be logged and used in metrics. */
  @Matches(idPattern)
  id!: string;

  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;

  /** The features of the key. Default: all features of the licence. */
  @IsOptional()
  @IsString({ each: true })
  features?: string[];

  /** Most contexts and STT streams of this key at the same time. Default: the limit of the licence. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;
}
