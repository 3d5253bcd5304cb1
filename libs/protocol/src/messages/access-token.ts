import { ArrayMaxSize, IsIn, IsInt, IsString, Matches, Max, MaxLength, Min, MinLength } from 'class-validator';
import { requestIdPattern } from '../jobs/job';
import { namePrefix } from '../product';

/** How every access token begins. */
export const tokenPrefix = `at_${namePrefix}_`;

/** Whether a credential looks like an access token, and not like an API key. */
export const isAccessToken = (credential: string): boolean => credential.startsWith(tokenPrefix);

/** What an access token can grant. */
export const tokenFeatures = ['tts', 'stt'] as const;

/** One of `tokenFeatures`. */
export type TokenFeature = (typeof tokenFeatures)[number];

/** Longest life of an access token, in seconds. */
export const maxTokenSeconds = 3_600;

/** `POST /access-token` to the license app. */
export class AccessTokenRequest {
  /** The API key that the token stands for. */
  @IsString()
  @MinLength(1)
  @MaxLength(4_096)
  key!: string;

  @IsIn(tokenFeatures, { each: true })
  @ArrayMaxSize(tokenFeatures.length)
  features!: TokenFeature[];

  @IsInt()
  @Min(1)
  @Max(maxTokenSeconds)
  expiresInSeconds!: number;

  @Matches(requestIdPattern)
  requestId!: string;
}

/** Its 200 answer; a refusal is a problem document with 401, 402, 403 or 429. */
export class AccessTokenIssued {
  @IsString()
  @MinLength(1)
  token!: string;
}
