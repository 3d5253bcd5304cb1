import { Controller, Get } from '@nestjs/common';
import { dayMs } from '@app/licensing';
import { productVersion } from '@app/protocol';
import { Authorizer } from './authorizer';
import { KeyDirectory } from './key-directory';
import { LicenseConfig } from './license.config';

/** `GET /status`: the licensee, the features and the expiry. Contains no secrets. */
@Controller()
export class StatusController {
  constructor(
    private readonly config: LicenseConfig,
    private readonly authorizer: Authorizer,
    private readonly keys: KeyDirectory,
  ) {}

  @Get('status')
  status(): object {
    const { license, standing, expiresInMs } = this.authorizer.state();
    const { id, holder, features, limits, issued_at, expires_at, grace_days } = license;
    return {
      version: productVersion,
      mode: this.config.mode,
      license: { id, holder, features, limits, issued_at, expires_at, grace_days },
      standing,
      daysLeft: Math.floor(expiresInMs / dayMs),
      revocationDelayMs: this.config.revocationDelayMs,
      keys: this.keys.size,
    };
  }
}
