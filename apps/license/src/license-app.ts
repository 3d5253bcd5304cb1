import { NatsKeyValue } from '@app/broker';
import { createHttpApp, listen, type AppContext } from '@app/platform';
import { Authorizer } from './authorizer';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory, keyBucket } from './keys/key-directory';
import { RetiredKeys, retiredKeyBucket } from './keys/retired-keys';
import { readKeySeeds, readLicenses } from './license-files';
import { LicenseModule } from './license.module';
import { LicenseMetrics } from './metrics/license-metrics';
import type { LicenseConfig } from './license.config';

/** How often the gauges of licence and keys are set. */
const gaugeIntervalMs = 5_000;

/** Starts the license app; resolves to its port once it answers. Refuses a licence that is not to be trusted. */
export async function startLicenseApp(context: AppContext<LicenseConfig>): Promise<number> {
  const { config, log, readiness, shutdown } = context;
  const licenses = await readLicenses(config.licenseFile, config.licensePublicKeyFile);
  const seeds = await readKeySeeds(config.apiKeysFile);
  const { natsUrl: servers, jetstreamReplicas: replicas } = config;
  const store = new NatsKeyValue({ servers, name: 'license', bucket: keyBucket, replicas });
  const retiredStore = new NatsKeyValue({ servers, name: 'license', bucket: retiredKeyBucket, replicas });
  const retired = new RetiredKeys(retiredStore, log);
  const keys = new KeyDirectory(store, retired, seeds, config.revocationDelayMs, log);
  const authorizer = new Authorizer(keys, licenses, config.revocationDelayMs);
  const keyAdmin = new KeyAdmin(store, keys, retired, () => authorizer.timeMs());
  readiness.add('API keys read', () => keys.loaded);
  const app = await createHttpApp(LicenseModule.register({ config, keys, keyAdmin, authorizer }, context), log);
  shutdown.add('http', 5_000, () => app.close());
  const port = await listen(app, config);
  const metrics = app.get(LicenseMetrics, { strict: false });
  const measure = (): void => {
    metrics.keys(keys.size);
    keys.freshUntilMs(authorizer.timeMs());
    metrics.license(authorizer.state());
  };
  const gauges = setInterval(measure, gaugeIntervalMs);
  shutdown.add('keys', 2_000, async () => {
    clearInterval(gauges);
    keys.stop();
    retired.stop();
    await Promise.all([store.close(), retiredStore.close()]);
  });
  await Promise.all([store.start(), retiredStore.start()]);
  await retired.start();
  await keys.start();
  measure();
  const { license, standing } = authorizer.state();
  log.info('licence read', { licenseId: license.id, holder: license.holder, standing, expiresAt: license.expires_at });
  return port;
}
