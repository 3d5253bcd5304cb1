import { IsArray, IsIn, IsInt, IsISO8601, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { idPattern, NestedArray } from '@app/protocol';
import { maxLicenseBytes } from './license-document';

/** Version of the protocol between the license app and the licence endpoint; the field `protocol` of every request. */
export const vendorProtocol = 1;

/** The paths of the licence endpoint, below its base URL. Each takes POST with a JSON body. */
export const vendorPaths = { checkIn: '/v1/check-in', telemetry: '/v1/telemetry', audit: '/v1/audit' } as const;

/** Most bytes of a request to the licence endpoint. */
export const maxVendorRequestBytes = 2 * 1_024 * 1_024;

const monthPattern = /^\d{4}-(0[1-9]|1[0-2])$/;
const keyIdPattern = /^[0-9a-f]{16}$/;

/** Who calls: the licence is the credential, so its text never reaches a log. */
export class VendorCaller {
  @IsIn([vendorProtocol])
  protocol!: typeof vendorProtocol;

  /** The licence in force, as a compact JWS. */
  @IsString()
  @MaxLength(maxLicenseBytes)
  license!: string;

  /** Name of the deployment; absent where it has none. */
  @IsOptional()
  @Matches(idPattern)
  deployment?: string;

  /** When the request was made, by the clock of the license app; ISO 8601 in UTC. */
  @IsISO8601({ strict: true })
  at!: string;
}

/** `POST /v1/check-in`. */
export class CheckInRequest extends VendorCaller {
  /** Version of Antiphon. */
  @IsString()
  @MaxLength(64)
  version!: string;

  /** State of the service: `active`, `grace` or `refused`. */
  @IsIn(['active', 'grace', 'refused'])
  state!: 'active' | 'grace' | 'refused';

  /** Id of the key that signs the checkpoints of the audit log. */
  @IsOptional()
  @Matches(keyIdPattern)
  auditKeyId?: string;
}

/** The 200 response to a check-in. A refusal is a problem document. */
export class CheckInAnswer {
  /** A lease document, compact JWS. */
  @IsString()
  @MaxLength(2 * maxLicenseBytes)
  lease!: string;
}

/** The usage of a model in a month, for one job kind and sample rate. */
export class TelemetryRow {
  @IsString()
  @MaxLength(200)
  model!: string;

  @IsString()
  @MaxLength(64)
  kind!: string;

  @IsInt()
  @Min(0)
  requests!: number;

  @IsInt()
  @Min(0)
  characters!: number;

  @IsInt()
  @Min(0)
  audioSamples!: number;

  /** Of `audioSamples`, in hertz: each sample rate has a row of its own. */
  @IsInt()
  @Min(1)
  sampleRateHz!: number;
}

/**
 * `POST /v1/telemetry`: totals of a whole month so far, answered with 204. A later report of the same month replaces an earlier
 * one, so a report that is sent twice counts once. It names no key, no voice, no text.
 */
export class TelemetryReport extends VendorCaller {
  /** UTC: `2026-11`. */
  @Matches(monthPattern)
  month!: string;

  @NestedArray(() => TelemetryRow)
  rows!: TelemetryRow[];
}

/**
 * `POST /v1/audit`: audit records in the order of the chain. The first one follows the record that the endpoint acknowledged
 * last; records that it has already are compared and ignored.
 */
export class AuditForward extends VendorCaller {
  /** The exact text of each record. */
  @IsArray()
  @IsString({ each: true })
  records!: string[];

  /** Number of the oldest record that the sender still has: where the endpoint lacks what is older, it begins there. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  oldest?: number;
}

/** The 200 response to forwarded records: every record up to this number is stored on disk. */
export class AuditAcknowledged {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  acknowledged!: number;
}
