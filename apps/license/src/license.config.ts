import { IsIn, IsInt, IsOptional, IsString, Max, Min, MinLength } from 'class-validator';
import { AppConfig, loadConfig, Variable } from '@app/platform';

/** What the license app is told by its environment. */
export class LicenseConfig extends AppConfig {
  @Variable('Address to listen on.')
  @IsString()
  host = '0.0.0.0';

  @Variable('Port of the API, health and metrics.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 8080;

  @Variable('Where the bus is; several servers with commas.')
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable('Copies of the API keys on the bus: 1, 3 or 5. Unset: as they are, 1 where they are new.')
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable('How the licence is kept current; airgapped: by its file alone.')
  @IsIn(['airgapped'], { message: 'mode must be airgapped; connected mode is not available yet' })
  mode = 'airgapped';

  @Variable('Licence files with commas; the newest counts.')
  @IsString({ each: true })
  @MinLength(1, { each: true })
  licenseFile!: string[];

  @Variable('Public keys of trusted issuers, PEM.')
  @IsString()
  licensePublicKeyFile!: string;

  @Variable('API keys to begin with: a JSON list of {id, sha256, features?, maxConcurrent?}.')
  @IsOptional()
  @IsString()
  apiKeysFile?: string;

  @Variable('How long a gateway may go on with an answer while this app is away.')
  @IsInt()
  @Min(0)
  revocationDelayMs = 60_000;

  static fromEnvironment(): Readonly<LicenseConfig> {
    return loadConfig(LicenseConfig, process.env);
  }
}
