import type { KeyObject } from 'node:crypto';
import {
  AuditForward,
  CheckInRequest,
  expiryState,
  signLease,
  TelemetryReport,
  vendorPaths,
  verifyLicense,
  type AuditAcknowledged,
  type CheckInAnswer,
  type Lease,
  type License,
  type VendorCaller,
} from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError, validated } from '@app/protocol';
import { dateText } from '../dates';
import type { OfferedLicenses } from './offered-licenses';
import type { StoredCheckIn, VendorFolder } from './vendor-folder';

/** What a licence endpoint works with. */
export interface LicenseEndpointOptions {
  readonly folder: VendorFolder;
  readonly offered: OfferedLicenses;
  /** The private key that signs leases. */
  readonly issuer: KeyObject;
  /** Public keys whose licences are accepted. */
  readonly keys: readonly KeyObject[];
  readonly leaseSeconds: number;
  readonly checkInSeconds: number;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly leaseId: () => string;
}

/** How far a month of telemetry may lie back, so that a deployment has a bounded number of files. */
const maxMonthsBack = 36;

/** The reference implementation of the vendor's side of the protocol in `vendor-protocol.ts`, without HTTP. */
export class LicenseEndpoint {
  constructor(private readonly options: LicenseEndpointOptions) {}

  /** The answer to the JSON of a request; undefined where it has none. Rejects with a problem; nothing is stored then. */
  async handle(path: string, body: unknown): Promise<object | undefined> {
    switch (path) {
      case vendorPaths.checkIn:
        return this.checkIn(validated(CheckInRequest, body));
      case vendorPaths.telemetry:
        return this.takeTelemetry(validated(TelemetryReport, body));
      case vendorPaths.audit:
        return this.takeAudit(validated(AuditForward, body));
      default:
        throw new ProblemError('not_found', { detail: `Send POST to ${Object.values(vendorPaths).join(', ')}.` });
    }
  }

  private async checkIn(request: CheckInRequest): Promise<CheckInAnswer> {
    const { folder, offered, issuer, leaseSeconds, checkInSeconds, log, nowMs, leaseId } = this.options;
    const license = await this.licenseOf(request);
    const timeMs = nowMs();
    const revoked = await folder.isRevoked(license.jti);
    // Whoever has a revoked licence must not get the next one with it.
    const latest = revoked ? undefined : await this.unrevoked(await offered.newerThan(license, timeMs));
    const iat = Math.floor(timeMs / 1_000);
    const lease: Lease = {
      jti: leaseId(),
      license: license.jti,
      ...(request.deployment ? { deployment: request.deployment } : {}),
      iat,
      exp: iat + leaseSeconds,
      checkInSeconds,
      ...(revoked ? { revoked } : {}),
      ...(latest ? { latestLicense: latest.text } : {}),
    };
    const answer = { lease: await signLease(lease, issuer) };
    const stored = storedCheckIn(request, license, lease, timeMs, latest?.license.jti);
    // A full disk here must not end the service of a deployment.
    await folder
      .deployment(license, request.deployment ?? undefined)
      .saveCheckIn(stored)
      .catch((error: unknown) => log.error('check-in not stored', { license: license.jti, err: error }));
    log.info('check-in', { ...stored });
    return answer;
  }

  private async unrevoked<T extends { readonly license: License }>(offer: T | undefined): Promise<T | undefined> {
    return offer && !(await this.options.folder.isRevoked(offer.license.jti)) ? offer : undefined;
  }

  private async takeTelemetry(report: TelemetryReport): Promise<undefined> {
    const { folder, log, nowMs } = this.options;
    const license = await this.licenseOf(report);
    const { month, rows, deployment } = report;
    assertMonth(month, nowMs());
    const receivedAt = new Date(nowMs()).toISOString();
    await folder
      .deployment(license, deployment ?? undefined)
      .saveTelemetry({ license: license.jti, receivedAt, month, rows });
    log.info('telemetry', { license: license.jti, deployment, month, rows: rows.length });
    return undefined;
  }

  private async takeAudit(forward: AuditForward): Promise<AuditAcknowledged> {
    const { folder, log } = this.options;
    const license = await this.licenseOf(forward);
    const { records, oldest, deployment } = forward;
    const acknowledged = await folder
      .deployment(license, deployment ?? undefined)
      .appendAudit(records, oldest ?? undefined);
    log.info('audit', { license: license.jti, deployment, records: records.length, acknowledged });
    return { acknowledged };
  }

  /** The verified licence of the caller, which is its credential. */
  private async licenseOf({ license: text, deployment }: VendorCaller): Promise<License> {
    const { keys } = this.options;
    const nowMs = this.options.nowMs();
    const { payload } = await verifyLicense(text, { keys, nowMs, deployment: deployment ?? undefined });
    const state = expiryState(payload, nowMs);
    if (state.state === 'refused' && state.why === 'expired') {
      throw new ProblemError('license_expired', {
        detail: `The grace period of the licence ${payload.jti} ended at ${dateText(state.sinceMs)}. Install a renewed licence.`,
      });
    }
    return payload;
  }
}

function storedCheckIn(
  { deployment, version, state, auditKeyId }: CheckInRequest,
  license: License,
  lease: Lease,
  receivedMs: number,
  latestLicense: string | undefined,
): StoredCheckIn {
  return {
    license: license.jti,
    holder: license.sub,
    ...(deployment ? { deployment } : {}),
    receivedAt: new Date(receivedMs).toISOString(),
    version,
    state,
    ...(auditKeyId ? { auditKeyId } : {}),
    lease: lease.jti,
    leaseEnds: dateText(lease.exp * 1_000),
    checkInSeconds: lease.checkInSeconds,
    revoked: lease.revoked ?? false,
    ...(latestLicense === undefined ? {} : { latestLicense }),
  };
}

/** A month that has begun, by a clock that may be a day behind, and that is not too old. */
function assertMonth(month: string, nowMs: number): void {
  const begins = new Date(`${month}-01T00:00:00Z`).getTime();
  const oldest = new Date(nowMs);
  oldest.setUTCMonth(oldest.getUTCMonth() - maxMonthsBack, 1);
  if (begins <= nowMs + 86_400_000 && month >= oldest.toISOString().slice(0, 7)) return;
  throw new ProblemError('bad_request', {
    detail: `month must be a month of the last ${maxMonthsBack / 12} years that has begun.`,
  });
}
