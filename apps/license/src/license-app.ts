import { NatsKeyValue } from '@app/broker';
import { timeUsedMs, type ServiceState } from '@app/licensing';
import { createHttpApp, listen, type AppContext } from '@app/platform';
import { AccessTokens, tokenBucket } from './access-tokens';
import { Authorizer } from './authorizer';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory, keyBucket } from './keys/key-directory';
import { RetiredKeys, retiredKeyBucket } from './keys/retired-keys';
import { readKeySeeds, readLicenses } from './license-files';
import { LicenseModule } from './license.module';
import { LicenseMetrics, type MeasuredLicense } from './metrics/license-metrics';
import { ServiceStanding } from './service-standing';
import type { LicenseConfig } from './license.config';

/** Interval at which the gauges of licence and keys are set, in milliseconds. */
const gaugeIntervalMs = 5_000;

/** Starts the license app and returns its port once it answers requests. Throws if the licence is not trusted. */
export async function startLicenseApp(context: AppContext<LicenseConfig>): Promise<number> {
  const { config, log, readiness, shutdown } = context;
  const standing = new ServiceStanding(config.licenseMode, await readLicenses(config, Date.now()));
  const seeds = await readKeySeeds(config.apiKeysFile);
  const { natsUrl: servers, jetstreamReplicas: replicas } = config;
  const storeOf = (bucket: string): NatsKeyValue => new NatsKeyValue({ servers, name: 'license', bucket, replicas, log });
  const [keyStore, retiredStore, tokenStore] = [storeOf(keyBucket), storeOf(retiredKeyBucket), storeOf(tokenBucket)];
  const stores = [keyStore, retiredStore, tokenStore];
  const retired = new RetiredKeys(retiredStore, log);
  const keys = new KeyDirectory(keyStore, retired, seeds, config.revocationDelayMs, log);
  const tokens = new AccessTokens(tokenStore, log);
  const authorizer = new Authorizer(keys, tokens, standing, config.revocationDelayMs);
  const keyAdmin = new KeyAdmin(keyStore, keys, retired, () => standing.timeMs());
  readiness.add('API keys read', () => keys.isCurrent(standing.timeMs()));
  const parts = { config, keys, keyAdmin, authorizer, standing };
  const app = await createHttpApp(LicenseModule.register(parts, context), log);
  shutdown.add('http', 5_000, () => app.close());
  const port = await listen(app, config);
  const metrics = app.get(LicenseMetrics, { strict: false });
  const measure = (): void => {
    metrics.keys(keys.size);
    keys.freshUntilMs(standing.timeMs());
    metrics.license(measured(standing));
  };
  const gauges = setInterval(measure, gaugeIntervalMs);
  shutdown.add('keys', 2_000, async () => {
    clearInterval(gauges);
    keys.stop();
    retired.stop();
    tokens.stop();
    await Promise.all(stores.map((store) => store.close()));
  });
  await Promise.all(stores.map((store) => store.start()));
  await retired.start();
  await tokens.start();
  await keys.start();
  measure();
  const { state } = standing.state();
  const { jti, sub, exp } = standing.license() ?? {};
  log.info('licence read', {
    licenseId: jti,
    holder: sub,
    state,
    expiresAt: exp && new Date(exp * 1_000).toISOString(),
  });
  return port;
}

/** The state of the service under the names that its metrics have. */
function measured(standing: ServiceStanding): MeasuredLicense {
  const facts = standing.facts();
  const expiresInMs = (standing.license()?.exp ?? 0) * 1_000 - timeUsedMs(facts);
  return { standing: standingOf(standing.state()), expiresInMs, grantsForMs: standing.grantsForMs() };
}

function standingOf(state: ServiceState): MeasuredLicense['standing'] {
  if (state.state === 'active') return 'valid';
  if (state.state === 'grace') return 'in_grace';
  return state.why === 'not_yet_valid' ? 'not_yet_valid' : 'expired';
}
