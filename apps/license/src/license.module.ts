import { Module, type DynamicModule } from '@nestjs/common';
import { ManagementModule, PlatformModule, type Platform } from '@app/platform';
import { AccessTokenController } from './access-token.controller';
import { AuthorizeController } from './authorize.controller';
import { Authorizer } from './authorizer';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory } from './keys/key-directory';
import { KeysController } from './keys/keys.controller';
import { LicenseConfig } from './license.config';
import { licenseMetrics } from './metrics/license-metrics';
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
  /** In connected mode only. */
  readonly vendor?: Vendor | undefined;
}

/** The license app over HTTP: its API, metrics and health on the same port. */
@Module({ controllers: [AccessTokenController, AuthorizeController, KeysController, StatusController] })
export class LicenseModule {
  static register(parts: LicenseParts, platform: Platform): DynamicModule {
    const { config, keys, keyAdmin, authorizer, standing, vendor = null } = parts;
    return {
      module: LicenseModule,
      imports: [PlatformModule.register(platform, [...licenseMetrics, ...vendorMetrics]), ManagementModule.register()],
      providers: [
        { provide: LicenseConfig, useValue: config },
        { provide: KeyDirectory, useValue: keys },
        { provide: KeyAdmin, useValue: keyAdmin },
        { provide: Authorizer, useValue: authorizer },
        { provide: ServiceStanding, useValue: standing },
        { provide: Vendor, useValue: vendor },
      ],
    };
  }
}
