import { NatsKeyValue } from '@app/broker';
import { createHttpApp, listen, type AppContext } from '@app/platform';
import { AccessTokens, tokenBucket } from './access-tokens';
import { Authorizer } from './authorizer';
import { KeyDirectory, keyBucket } from './key-directory';
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
  const bucket = (name: string): NatsKeyValue =>
    new NatsKeyValue({ servers: config.natsUrl, name: 'license', bucket: name, replicas: config.jetstreamReplicas });
  const [store, tokenStore] = [bucket(keyBucket), bucket(tokenBucket)];
  const keys = new KeyDirectory(store, seeds, log);
  const tokens = new AccessTokens(tokenStore, log);
  const authorizer = new Authorizer(keys, tokens, licenses, config.revocationDelayMs);
  readiness.add('API keys read', () => keys.loaded);
  const app = await createHttpApp(LicenseModule.register({ config, keys, authorizer }, context), log);
  shutdown.add('http', 5_000, () => app.close());
  const port = await listen(app, config);
  const metrics = app.get(LicenseMetrics, { strict: false });
  const measure = (): void => {
    metrics.keys(keys.size);
    metrics.license(authorizer.state());
  };
  const gauges = setInterval(measure, gaugeIntervalMs);
  shutdown.add('keys', 2_000, async () => {
    clearInterval(gauges);
    keys.stop();
    tokens.stop();
    await Promise.all([store.close(), tokenStore.close()]);
  });
  await Promise.all([store.start(), tokenStore.start()]);
  await tokens.start();
  await keys.start();
  measure();
  const { license, standing } = authorizer.state();
  log.info('licence read', { licenseId: license.id, holder: license.holder, standing, expiresAt: license.expires_at });
  return port;
}
