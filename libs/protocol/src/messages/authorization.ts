import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { functionGraph, type JobKind } from '../graph';
import { requestIdPattern } from '../jobs/job';

/** The licence features: the kinds of jobs, and `catalogue` for reading voices. */
export const licenseFeatures: readonly Feature[] = [...functionGraph.map(({ kind }) => kind), 'catalogue'];

/** One of `licenseFeatures`. */
export type Feature = JobKind | 'catalogue';

/** `POST /authorize` to the license app. */
export class AuthorizationRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(4_096)
  key!: string;

  /** The feature that the request uses. */
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

/** The 200 response. A refusal is a problem document with 401, 402, 403 or 429. */
export class AuthorizationGranted {
  /** Stable id of the key, never the key. It can be logged and used in metrics. */
  @IsString()
  keyId!: string;

  /** Most active requests of this key at the same time. Absent without a limit. */
  @IsOptional()
  @IsInt()
  maxConcurrent?: number;

  /** The revocation delay: how long a gateway may use this answer during an outage of the license app. */
  @IsInt()
  validForMs!: number;

  /** The grace after `validForMs`, in which it may be kept on while the license app is unreachable; 0 where absent. */
  @IsOptional()
  @IsInt()
  @Min(0)
  graceMs?: number;

  /** The models that the licence names; all models if absent. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  models?: string[];
}
