import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min, MinLength, ValidateIf } from 'class-validator';
import type { LicenseMode } from '@app/licensing';
import { AppConfig, loadConfig, Variable } from '@app/platform';
import { idPattern } from '@app/protocol';
import { endpointFault, Faultless, proxyFault } from './vendor/endpoint-rules';

const isConnected = ({ licenseMode }: LicenseConfig): boolean => licenseMode === 'connected';

/** The settings of the license app, read from its environment. */
export class LicenseConfig extends AppConfig {
  @Variable('Address to listen on.')
  @IsString()
  host = '0.0.0.0';

  @Variable('Port of the API, health and metrics.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 8080;

  @Variable('NATS servers, separated by commas.')
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable(
    'Replicas of the JetStream bucket of API keys: 1, 3 or 5. If unset, an existing bucket is left alone and a new one gets 1.',
  )
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable('How the licence is kept current. airgapped: by its file alone. connected: by check-ins as well.')
  @IsIn(['airgapped', 'connected'])
  licenseMode: LicenseMode = 'airgapped';

  @Variable('Base URL of the licence endpoint, with https. Needed in connected mode, refused in the other.')
  @ValidateIf((config: LicenseConfig) => isConnected(config) || config.licenseEndpoint !== undefined)
  @Faultless(endpointFault)
  licenseEndpoint?: string;

  @Variable('PEM file of certificate authorities that the licence endpoint may use besides the public ones.')
  @IsOptional()
  @IsString()
  licenseCaFile?: string;

  @Variable('HTTP proxy through which the licence endpoint is reached: http://HOST:PORT. Read in connected mode only.')
  @ValidateIf((config: LicenseConfig) => isConnected(config) && config.httpsProxy !== undefined)
  @Faultless(proxyFault)
  httpsProxy?: string;

  @Variable('User and password of that proxy, USER:PASSWORD, if they are not in its URL.')
  @IsOptional()
  @Matches(/^[^:]+:/)
  httpsProxyCredentials?: string;

  @Variable('Hosts that are reached without the proxy, separated by commas: HOST, HOST:PORT, .DOMAIN or *.')
  @IsString({ each: true })
  noProxy: string[] = [];

  @Variable('Licence files, separated by commas. The newest counts.')
  @IsString({ each: true })
  @MinLength(1, { each: true })
  licenseFile!: string[];

  @Variable('Public keys of trusted issuers, PEM.')
  @IsString()
  licensePublicKeyFile!: string;

  @Variable('Name of this deployment, as its licence has it. Needed only for a licence that names a deployment.')
  @IsOptional()
  @Matches(idPattern)
  licenseDeployment?: string;

  @Variable(
    'File of the first API keys: a JSON list of {id, sha256} with optional scopes, limits, expiresAt and revokedAt.',
  )
  @IsOptional()
  @IsString()
  apiKeysFile?: string;

  @Variable(
    'Longest time that a revoked key may stay usable while a gateway cannot reach this app, or this app NATS, in milliseconds.',
  )
  @IsInt()
  @Min(0)
  revocationDelayMs = 60_000;

  @Variable(
    'Private Ed25519 key that signs checkpoints of the audit log, PKCS8 PEM. If unset, one is made and kept in NATS.',
  )
  @IsOptional()
  @IsString()
  auditKeyFile?: string;

  @Variable('How long audit records are kept, in days.')
  @IsInt()
  @Min(1)
  auditRetentionDays = 400;

  @Variable(
    'How long usage records are kept beside the audit log, in days. At least the present and the previous month.',
  )
  @IsInt()
  @Min(62)
  usageRetentionDays = 100;

  @Variable('Size limit of the audit log in NATS, in bytes. JetStream reserves it on its disk.')
  @IsInt()
  @Min(65_536)
  auditMaxBytes = 320 * 1024 * 1024;

  @Variable('Size limit of the usage records in NATS, in bytes. JetStream reserves it on its disk.')
  @IsInt()
  @Min(65_536)
  usageMaxBytes = 128 * 1024 * 1024;

  static fromEnvironment(): Readonly<LicenseConfig> {
    return loadConfig(LicenseConfig, process.env);
  }
}
