import { IsInt, IsISO8601, IsObject, IsOptional, IsString, Matches, Min, MinLength } from 'class-validator';
import { Nested } from '@app/protocol';

/** The limits of a licence. An absent limit means no limit. */
export class LicenseLimits {
  /** Most contexts and STT streams of one key at once. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;
}

/** The content of a licence, which its issuer signs. */
export class License {
  @IsString()
  @MinLength(1)
  id!: string;

  /** The licensee. */
  @IsString()
  @MinLength(1)
  holder!: string;

  /** The licensed features, from the protocol's `licenseFeatures`. */
  @IsString({ each: true })
  features!: string[];

  @IsObject()
  @Nested(() => LicenseLimits)
  limits!: LicenseLimits;

  @IsISO8601({ strict: true })
  issued_at!: string;

  @IsISO8601({ strict: true })
  expires_at!: string;

  /** Days after `expires_at` in which requests are still granted. */
  @IsInt()
  @Min(0)
  grace_days!: number;

  /** The `issuerKeyId` of the key that signed it. */
  @Matches(/^[0-9a-f]{16}$/)
  key_id!: string;
}

/** A licence file: the licence and the issuer's Ed25519 signature over its canonical JSON, in base64url. */
export class SignedLicense {
  @IsObject()
  license!: object;

  @Matches(/^[A-Za-z0-9_-]{86}$/)
  signature!: string;
}
