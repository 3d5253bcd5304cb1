import { Controller, Get } from '@nestjs/common';
import type { License, ServiceState } from '@app/licensing';
import { productVersion } from '@app/protocol';
import { AuditLogs } from './audit/audit-logs';
import { KeyDirectory } from './keys/key-directory';
import { LicenseConfig } from './license.config';
import { ServiceStanding } from './service-standing';

/** `GET /status`: the licensee, what is licensed, until when, and the state of the service. Contains no secrets. Dates are ISO 8601. */
@Controller()
export class StatusController {
  constructor(
    private readonly config: LicenseConfig,
    private readonly standing: ServiceStanding,
    private readonly keys: KeyDirectory,
    private readonly audit: AuditLogs,
  ) {}

  @Get('status')
  status(): object {
    const license = this.standing.license();
    return {
      version: productVersion,
      mode: this.config.licenseMode,
      license: license && described(license),
      service: dated(this.standing.state()),
      grantsForSeconds: Math.floor(this.standing.grantsForMs() / 1_000),
      revocationDelayMs: this.config.revocationDelayMs,
      keys: this.keys.size,
      auditKeyId: this.audit.keyId,
    };
  }
}

function described({ jti, sub, iat, nbf, exp, ...terms }: License): object {
  const [issued, notBefore, expires] = [iat, nbf, exp].map((seconds) => new Date(seconds * 1_000).toISOString());
  return { id: jti, holder: sub, ...terms, issued, notBefore, expires };
}

/** The state with its times as ISO dates; a time without a beginning is left out. */
function dated(state: ServiceState): object {
  const date = (timeMs: number): string | undefined =>
    Number.isFinite(timeMs) ? new Date(timeMs).toISOString() : undefined;
  switch (state.state) {
    case 'active':
      return { state: state.state, until: date(state.untilMs) };
    case 'grace':
      return { state: state.state, why: state.why, since: date(state.sinceMs), until: date(state.untilMs) };
    case 'refused':
      return { state: state.state, why: state.why, since: date(state.sinceMs) };
  }
}
