import { createHash, randomBytes } from 'node:crypto';
import { IsInt, IsOptional, IsString, Matches, Min } from 'class-validator';
import { idPattern, namePrefix } from '@app/protocol';

/** An API key: 256 random bits behind a prefix that scanners of leaked secrets can recognise. */
export const apiKeyPattern = new RegExp(`^sk_${namePrefix}_[A-Za-z0-9_-]{43}$`);

/** A new API key. It is shown once; only its hash is kept. */
export const makeApiKey = (): string => `sk_${namePrefix}_${randomBytes(32).toString('base64url')}`;

/**
 * What is kept of a key: SHA-256 in hex. A slow hash protects guessable secrets; 256 random bits cannot be guessed, and the
 * hash is computed on every request.
 */
export const hashApiKey = (key: string): string => createHash('sha256').update(key, 'utf8').digest('hex');

/** A key as it is kept: everything but the key. */
export class ApiKeyRecord {
  /** Stable, safe to log and to count by. */
  @Matches(idPattern)
  id!: string;

  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;

  /** What the key may use; everything that the licence has where this is absent. */
  @IsOptional()
  @IsString({ each: true })
  features?: string[];

  /** Most contexts and STT streams of this key at once; the licence's limit where this is absent. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;
}
