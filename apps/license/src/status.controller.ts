import { Controller, Get, Inject } from '@nestjs/common';
import { productVersion } from '@app/protocol';
import { AuditLogs } from './audit/audit-logs';
import { dateIfAny, describedLicense, describedState } from './documents/descriptions';
import { KeyDirectory } from './keys/key-directory';
import { LicenseConfig } from './license.config';
import { ServiceStanding } from './service-standing';
import { Vendor } from './vendor/vendor';

/** `GET /status`: the licensee, what is licensed, until when, and the state of the service. Contains no secrets. Dates are ISO 8601. */
@Controller()
export class StatusController {
  constructor(
    private readonly config: LicenseConfig,
    private readonly standing: ServiceStanding,
    private readonly keys: KeyDirectory,
    private readonly audit: AuditLogs,
    @Inject(Vendor) private readonly vendor: Vendor | null,
  ) {}

  @Get('status')
  status(): object {
    const license = this.standing.license();
    return {
      version: productVersion,
      mode: this.config.licenseMode,
      license: license && describedLicense(license),
      service: describedState(this.standing.state()),
      grantsForSeconds: Math.floor(this.standing.grantsForMs() / 1_000),
      // Absent before the clock has settled.
      highWaterMark: dateIfAny(this.standing.highWaterMs),
      revocationDelayMs: this.config.revocationDelayMs,
      keys: this.keys.size,
      auditKeyId: this.audit.keyId,
      vendor: this.vendor?.status(),
    };
  }
}
