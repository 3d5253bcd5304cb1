import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Matches, MaxLength, Min, MinLength } from 'class-validator';
import { functionGraph, type JobKind } from '../graph';
import { requestIdPattern } from '../jobs/job';

/** What a key may be used for: the kinds of jobs, and `catalogue`, which is reading voices. */
export const licenseFeatures: readonly Feature[] = [...functionGraph.map(({ kind }) => kind), 'catalogue'];

/** One of `licenseFeatures`. */
export type Feature = JobKind | 'catalogue';

/** `POST /authorize` to the license app. */
export class AuthorizationRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(4_096)
  key!: string;

  /** What the request wants to do. */
  @IsIn([...licenseFeatures])
  feature!: Feature;

  @IsOptional()
  @IsString()
  model?: string;

  /** For work on a connection that opened with this credential: an access token may have expired since. */
  @IsOptional()
  @IsBoolean()
  connected?: boolean;

  @Matches(requestIdPattern)
  requestId!: string;
}

/** Its 200 answer; a refusal is a problem document with 401, 402 or 403. */
export class AuthorizationGranted {
  /** Stable id of the key, safe to log and to count by; never the key. */
  @IsString()
  keyId!: string;

  /** Most contexts and STT streams of this key at once; absent without a limit. */
  @IsOptional()
  @IsInt()
  maxConcurrent?: number;

  /** The revocation delay: how long the answer may be kept to ride out an outage of the license app. */
  @IsInt()
  validForMs!: number;

  /** The grace after `validForMs`, in which it may be kept on while the license app is unreachable; 0 where absent. */
  @IsOptional()
  @IsInt()
  @Min(0)
  graceMs?: number;
}
