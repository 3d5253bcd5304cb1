import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { AppendLog, JobClient } from '@app/broker';
import { RecordingDecoders } from '@app/media';
import { HealthModule, PlatformModule, type Platform } from '@app/platform';
import { AuthGuard } from './auth/auth.guard';
import { Concurrency } from './auth/concurrency';
import { Gatekeeper } from './auth/gatekeeper';
import { LicenseClient } from './auth/license.client';
import { Catalogue } from './catalogue/catalogue';
import * as endpoints from './endpoints';
import { EndpointJobs } from './endpoints/endpoint-jobs';
import { decodingLimits, GatewayConfig } from './gateway.config';
import { AccessTokenController } from './http/access-token.controller';
import { RootController } from './http/root.controller';
import { SttController } from './http/stt.controller';
import { TtsController } from './http/tts.controller';
import { VoicesController } from './http/voices.controller';
import { gatewayMetrics } from './metrics/gateway-metrics';
import { usageMetrics } from './metrics/usage-metrics';
import { RequestScopes } from './scope/request-scopes';
import { SocketRegistry } from './sockets/socket-registry';
import { SttSocket } from './sockets/stt.socket';
import { TtsSocket } from './sockets/tts.socket';
import { UsageRecorder } from './usage/usage-recorder';

/** The objects that the gateway's classes use and do not create. */
export interface GatewayParts {
  readonly config: Readonly<GatewayConfig>;
  readonly catalogue: Catalogue;
  readonly jobs: JobClient;
  readonly concurrency: Concurrency;
  /** The log that usage records are published to. */
  readonly usageLog: AppendLog;
}

/** The API: HTTP and sockets. */
@Module({
  controllers: [
    AccessTokenController,
    RootController,
    SttController,
    TtsController,
    VoicesController,
    ...Object.values<Type>(endpoints),
  ],
})
export class GatewayModule {
  static register(parts: GatewayParts, platform: Platform): DynamicModule {
    return {
      module: GatewayModule,
      imports: [PlatformModule.register(platform, [...gatewayMetrics, ...usageMetrics]), HealthModule],
      providers: [
        { provide: GatewayConfig, useValue: parts.config },
        { provide: Catalogue, useValue: parts.catalogue },
        { provide: JobClient, useValue: parts.jobs },
        { provide: Concurrency, useValue: parts.concurrency },
        { provide: AppendLog, useValue: parts.usageLog },
        { provide: RecordingDecoders, useValue: new RecordingDecoders(decodingLimits(parts.config)) },
        AuthGuard,
        EndpointJobs,
        Gatekeeper,
        LicenseClient,
        RequestScopes,
        SocketRegistry,
        SttSocket,
        TtsSocket,
        UsageRecorder,
      ],
    };
  }
}
