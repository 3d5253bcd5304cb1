import type { KeyObject } from 'node:crypto';
import {
  IsArray,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { idPattern, Nested } from '@app/protocol';
import {
  invalidDocument,
  signDocument,
  verifyDocument,
  type DocumentKind,
  type VerifiedDocument,
} from './signed-document';

/** The last second of the year 9999: the latest time of a document. */
export const maxNumericDate = 253_402_300_799;
/** The most bytes of a licence document. */
export const maxLicenseBytes = 16 * 1_024;
/** How far the clock of an issuer may be ahead of ours, in milliseconds. */
const issuerClockSkewMs = 5 * 60 * 1_000;

/** The limits of a licence. An absent limit means no limit. */
export class LicenseLimits {
  /** Most contexts and STT streams of one key at once. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  maxConcurrent?: number;

  /** Most characters of text to be spoken in a calendar month (UTC), all keys together. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  monthlyCharacters?: number;

  /** Most seconds of audio to be recognised in a calendar month (UTC), all keys together. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  monthlyAudioSeconds?: number;
}

/** How long service continues after each cause. 0 means no grace. */
export class LicenseGrace {
  /** Days after the end of the lease; connected mode only. */
  @IsInt()
  @Min(0)
  @Max(36_500)
  lostContactDays!: number;

  /** Days after `exp`. */
  @IsInt()
  @Min(0)
  @Max(36_500)
  expiryDays!: number;

  /** Seconds for which a gateway serves known keys while it cannot reach the license app. */
  @IsInt()
  @Min(0)
  @Max(31_536_000)
  proxyUnreachableSeconds!: number;
}

/** The content of a licence, which its issuer signs. Times are whole seconds since 1970 (NumericDate of RFC 7519). */
export class License {
  /** Id of the licence. */
  @Matches(idPattern)
  jti!: string;

  /** The licensee. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  sub!: string;

  /** Name of the one deployment that may use it; any where absent. */
  @IsOptional()
  @Matches(idPattern)
  deployment?: string;

  /** The licensed features, from the protocol's `licenseFeatures`. */
  @IsArray()
  @IsString({ each: true })
  features!: string[];

  /** Models that may be used; all where absent. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  models?: string[];

  @IsObject()
  @Nested(() => LicenseLimits)
  limits!: LicenseLimits;

  /** When it was issued. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  iat!: number;

  /** The first second in which it is valid. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  nbf!: number;

  /** The first second in which it is not valid any more. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  exp!: number;

  @IsObject()
  @Nested(() => LicenseGrace)
  grace!: LicenseGrace;
}

/** The grace lengths of a licence whose issuer names no others; docs/licensing.md publishes them. */
export const defaultGrace: Readonly<LicenseGrace> = {
  lostContactDays: 14,
  expiryDays: 14,
  proxyUnreachableSeconds: 900,
};

const kind: DocumentKind<License> = {
  typ: 'antiphon-license+jwt',
  name: 'licence',
  maxBytes: maxLicenseBytes,
  payload: License,
};

/** Against what a document is checked besides its signature. */
export interface Acceptance {
  /** Public keys of trusted issuers. */
  readonly keys: readonly KeyObject[];
  /** The latest time that is known to have passed, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Name of this deployment; a document that names one is refused where this is absent. */
  readonly deployment?: string | undefined;
}

/** Signs a licence with an issuer's private Ed25519 key. The result is what `verifyLicense` reads. */
export const signLicense = (license: License, privateKey: KeyObject): Promise<string> =>
  signDocument(kind, license, privateKey);

/**
 * The licence of a compact JWS. Rejects with `license_invalid`, whose detail says what is wrong: what `verifyDocument` refuses,
 * a licence of another deployment, one from the future, or one that ends before it begins.
 */
export async function verifyLicense(text: string, acceptance: Acceptance): Promise<VerifiedDocument<License>> {
  const verified = await verifyDocument(kind, text, acceptance.keys);
  const { iat, nbf, exp, deployment } = verified.payload;
  if (nbf >= exp) throw invalidDocument(kind, 'It ends before it begins: nbf must be less than exp.');
  assertOwnDeployment(kind, deployment, acceptance.deployment);
  if (iat * 1_000 > acceptance.nowMs + issuerClockSkewMs) {
    const issued = new Date(iat * 1_000).toISOString();
    throw invalidDocument(kind, `It was issued in the future, at ${issued}. Check the clock of this machine.`);
  }
  return verified;
}

/** Throws `license_invalid` for a document that names another deployment than this one. */
export function assertOwnDeployment(
  of: Pick<DocumentKind<object>, 'name'>,
  named: string | undefined,
  own: string | undefined,
): void {
  if (named === undefined || named === own) return;
  const whose = own === undefined ? 'has no name' : `is ${own}`;
  throw invalidDocument(of, `It is for the deployment ${named}, and this one ${whose}: set LICENSE_DEPLOYMENT.`);
}
