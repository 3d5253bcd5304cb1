import type { KeyObject } from 'node:crypto';
import { IsBoolean, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { idPattern } from '@app/protocol';
import { assertOwnDeployment, maxLicenseBytes, maxNumericDate, type Acceptance } from './license-document';
import {
  invalidDocument,
  signDocument,
  verifyDocument,
  type DocumentKind,
  type VerifiedDocument,
} from './signed-document';

/** The vendor's answer to a check-in: until when contact counts as kept. Times are NumericDate, in seconds. */
export class Lease {
  /** Id of the lease. */
  @Matches(idPattern)
  jti!: string;

  /** `jti` of the licence that checked in. */
  @Matches(idPattern)
  license!: string;

  /** Name of the deployment that checked in; absent where it has none. */
  @IsOptional()
  @Matches(idPattern)
  deployment?: string;

  /** The vendor's time at the check-in. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  iat!: number;

  /** From this second on, contact counts as lost. */
  @IsInt()
  @Min(0)
  @Max(maxNumericDate)
  exp!: number;

  /** Seconds until the next check-in. */
  @IsInt()
  @Min(1)
  @Max(31_536_000)
  checkInSeconds!: number;

  /** Whether the licence that checked in is revoked. */
  @IsOptional()
  @IsBoolean()
  revoked?: boolean;

  /** A newer licence as a compact JWS, which is verified like any other. */
  @IsOptional()
  @IsString()
  @MaxLength(maxLicenseBytes)
  latestLicense?: string;
}

/** Room for a whole licence in base64url, and the rest. */
const maxLeaseBytes = 2 * maxLicenseBytes;

const kind: DocumentKind<Lease> = {
  typ: 'antiphon-lease+jwt',
  name: 'lease',
  maxBytes: maxLeaseBytes,
  payload: Lease,
};

/** Signs a lease with the vendor's private Ed25519 key. */
export const signLease = (lease: Lease, privateKey: KeyObject): Promise<string> =>
  signDocument(kind, lease, privateKey);

/**
 * The lease of a compact JWS; rejects with `license_invalid` like `verifyLicense`. A lease from the future is taken: the vendor's
 * clock is believed where ours is behind it.
 */
export async function verifyLease(
  text: string,
  acceptance: Omit<Acceptance, 'nowMs'>,
): Promise<VerifiedDocument<Lease>> {
  const verified = await verifyDocument(kind, text, acceptance.keys);
  const { iat, exp, deployment } = verified.payload;
  if (iat >= exp) throw invalidDocument(kind, 'It ends before it begins: iat must be less than exp.');
  assertOwnDeployment(kind, deployment, acceptance.deployment);
  return verified;
}
