import { Controller, Get } from '@nestjs/common';
import { productVersion } from '@app/protocol';
import { Authorizer } from './authorizer';
import { KeyDirectory } from './keys/key-directory';
import { LicenseConfig } from './license.config';

const dayMs = 24 * 60 * 60 * 1_000;

/** `GET /status`: what is licensed to whom and until when; nothing secret. */
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
