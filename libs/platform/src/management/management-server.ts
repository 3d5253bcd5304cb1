import { Module } from '@nestjs/common';
import { createHttpApp, listen } from '../http-app';
import { PlatformModule, type Platform } from '../platform.module';
import { ManagementModule } from './management.module';

/** The second HTTP server of an app, beside its API: metrics and health. */
export interface ManagementServer {
  /** The port on which it listens, also if 0 was given. */
  readonly port: number;
  close(): Promise<void>;
}

@Module({})
class ManagementAppModule {}

/** Starts the management server. Throws `port_taken` if the port is in use. */
export async function startManagementServer(
  at: { readonly host: string; readonly metricsPort: number },
  platform: Platform,
): Promise<ManagementServer> {
  const imports = [PlatformModule.register(platform), ManagementModule.register()];
  const app = await createHttpApp({ module: ManagementAppModule, imports }, platform.log);
  try {
    const port = await listen(app, { host: at.host, port: at.metricsPort, variable: 'METRICS_PORT' });
    return { port, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}
