import { Module, type DynamicModule } from '@nestjs/common';
import { ManagementModule, PlatformModule, type Platform } from '@app/platform';
import { AccessTokenController } from './access-token.controller';
import { AuthorizeController } from './authorize.controller';
import { Authorizer } from './authorizer';
import { KeyDirectory } from './key-directory';
import { LicenseConfig } from './license.config';
import { licenseMetrics } from './metrics/license-metrics';
import { StatusController } from './status.controller';

/** What the controllers work with. */
export interface LicenseParts {
  readonly config: Readonly<LicenseConfig>;
  readonly keys: KeyDirectory;
  readonly authorizer: Authorizer;
}

/** The license app over HTTP: the API, and on the same port metrics and health. */
@Module({ controllers: [AccessTokenController, AuthorizeController, StatusController] })
export class LicenseModule {
  static register({ config, keys, authorizer }: LicenseParts, platform: Platform): DynamicModule {
    return {
      module: LicenseModule,
      imports: [PlatformModule.register(platform, licenseMetrics), ManagementModule.register()],
      providers: [
        { provide: LicenseConfig, useValue: config },
        { provide: KeyDirectory, useValue: keys },
        { provide: Authorizer, useValue: authorizer },
      ],
    };
  }
}
