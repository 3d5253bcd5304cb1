import { Module, type DynamicModule } from '@nestjs/common';
import { ManagementModule, PlatformModule, type Platform } from '@app/platform';
import { AccessTokenController } from './access-token.controller';
import { AuditController } from './audit/audit.controller';
import { AuditLogs } from './audit/audit-logs';
import { AuditWriter } from './audit/audit-writer';
import { AuthorizeController } from './authorize.controller';
import { Authorizer } from './authorizer';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory } from './keys/key-directory';
import { KeysController } from './keys/keys.controller';
import { LicenseConfig } from './license.config';
import { licenseMetrics } from './metrics/license-metrics';
import { ServiceStanding } from './service-standing';
import { StatusController } from './status.controller';

/** The objects that the controllers use. */
export interface LicenseParts {
  readonly config: Readonly<LicenseConfig>;
  readonly keys: KeyDirectory;
  readonly keyAdmin: KeyAdmin;
  readonly authorizer: Authorizer;
  readonly standing: ServiceStanding;
  readonly audit: AuditLogs;
}

/** The license app over HTTP: its API, metrics and health on the same port. */
@Module({
  controllers: [AccessTokenController, AuditController, AuthorizeController, KeysController, StatusController],
})
export class LicenseModule {
  static register(parts: LicenseParts, platform: Platform): DynamicModule {
    const { config, keys, keyAdmin, authorizer, standing, audit } = parts;
    return {
      module: LicenseModule,
      imports: [PlatformModule.register(platform, licenseMetrics), ManagementModule.register()],
      providers: [
        { provide: LicenseConfig, useValue: config },
        { provide: KeyDirectory, useValue: keys },
        { provide: KeyAdmin, useValue: keyAdmin },
        { provide: Authorizer, useValue: authorizer },
        { provide: ServiceStanding, useValue: standing },
        { provide: AuditLogs, useValue: audit },
        { provide: AuditWriter, useValue: audit.writer },
      ],
    };
  }
}
