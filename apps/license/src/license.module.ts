import { Module, type DynamicModule } from '@nestjs/common';
import { ManagementModule, PlatformModule, type Platform } from '@app/platform';
import { AccessTokenController } from './access-token.controller';
import { AuditController } from './audit/audit.controller';
import { AuditLogs } from './audit/audit-logs';
import { AuditWriter } from './audit/audit-writer';
import { AuthorizeController } from './authorize.controller';
import { Authorizer } from './authorizer';
import { LicenseController } from './documents/license.controller';
import { LicenseStore } from './documents/license-store';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory } from './keys/key-directory';
import { KeysController } from './keys/keys.controller';
import { LicenseConfig } from './license.config';
import { licenseMetrics } from './metrics/license-metrics';
import { MonthlyUsage } from './quota/monthly-usage';
import { UsageController } from './quota/usage.controller';
import { vendorMetrics } from './metrics/vendor-metrics';
import { ServiceStanding } from './service-standing';
import { StatusController } from './status.controller';
import { Vendor } from './vendor/vendor';

/** The objects that the controllers use. */
export interface LicenseParts {
  readonly config: Readonly<LicenseConfig>;
  readonly keys: KeyDirectory;
  readonly keyAdmin: KeyAdmin;
  readonly authorizer: Authorizer;
  readonly standing: ServiceStanding;
  readonly documents: LicenseStore;
  readonly usage: MonthlyUsage;
  readonly audit: AuditLogs;
  /** In connected mode only. */
  readonly vendor?: Vendor | undefined;
}

/** The license app over HTTP: its API, metrics and health on the same port. */
@Module({
  controllers: [
    AccessTokenController,
    AuditController,
    AuthorizeController,
    KeysController,
    LicenseController,
    StatusController,
    UsageController,
  ],
})
export class LicenseModule {
  static register(parts: LicenseParts, platform: Platform): DynamicModule {
    return {
      module: LicenseModule,
      imports: [PlatformModule.register(platform, [...licenseMetrics, ...vendorMetrics]), ManagementModule.register()],
      providers: [
        { provide: LicenseConfig, useValue: parts.config },
        { provide: KeyDirectory, useValue: parts.keys },
        { provide: KeyAdmin, useValue: parts.keyAdmin },
        { provide: Authorizer, useValue: parts.authorizer },
        { provide: ServiceStanding, useValue: parts.standing },
        { provide: LicenseStore, useValue: parts.documents },
        { provide: MonthlyUsage, useValue: parts.usage },
        { provide: AuditLogs, useValue: parts.audit },
        { provide: AuditWriter, useValue: parts.audit.writer },
        { provide: Vendor, useValue: parts.vendor ?? null },
      ],
    };
  }
}
