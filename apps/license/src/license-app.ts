import { NatsKeyValue } from '@app/broker';
import { timeUsedMs } from '@app/licensing';
import { createHttpApp, listen, type AppContext } from '@app/platform';
import { AccessTokens, tokenBucket } from './access-tokens';
import { natsAuditLogs } from './audit/nats-audit-logs';
import { Authorizer } from './authorizer';
import { licenseBucket } from './documents/bucket';
import type { OnEvent } from './documents/document-events';
import { readLicenseFiles } from './documents/license-files';
import { LicenseStore } from './documents/license-store';
import { GraceWatch } from './grace/grace-watch';
import { KeyAdmin } from './keys/key-admin';
import { KeyDirectory, keyBucket } from './keys/key-directory';
import { readKeySeeds } from './keys/key-seeds';
import { RetiredKeys, retiredKeyBucket } from './keys/retired-keys';
import { LicenseModule } from './license.module';
import { GraceMetrics } from './metrics/grace-metrics';
import { LicenseMetrics, type MeasuredLicense } from './metrics/license-metrics';
import { standingOf } from './metrics/standing';
import { VendorMetrics } from './metrics/vendor-metrics';
import { MonthlyUsage } from './quota/monthly-usage';
import { Quotas } from './quota/quotas';
import { UsageSnapshots } from './quota/usage-snapshots';
import { ServiceStanding } from './service-standing';
import { connectVendor } from './vendor/connect-vendor';
import type { LicenseConfig } from './license.config';

/** Interval at which the gauges of licence and keys are set, in milliseconds. */
const gaugeIntervalMs = 5_000;

/** Starts the license app and returns its port once it answers requests. Throws if the licence is not trusted. */
export async function startLicenseApp(context: AppContext<LicenseConfig>): Promise<number> {
  const { config, log, readiness, shutdown } = context;
  const { stores, retired, tokens, ...parts } = await makeParts(context);
  const { keys, standing, documents, usage, audit, vendor } = parts;
  readiness.add('API keys read', () => keys.isCurrent(standing.timeMs()));
  readiness.add('usage of the month read', () => usage.isRead);
  const app = await createHttpApp(LicenseModule.register(parts, context), log);
  shutdown.add('http', 5_000, () => app.close());
  const port = await listen(app, config);
  const metrics = app.get(LicenseMetrics, { strict: false });
  const graces = new GraceWatch(() => standing.facts(), app.get(GraceMetrics, { strict: false }), log);
  const measure = (): void => {
    metrics.keys(keys.size);
    keys.freshUntilMs(standing.timeMs());
    metrics.license(measured(standing));
  };
  const gauges = setInterval(() => {
    measure();
    graces.observe();
  }, gaugeIntervalMs);
  shutdown.add('vendor', 2_000, async () => vendor?.stop());
  shutdown.add('licence documents', 5_000, () => documents.stop());
  shutdown.add('usage', 5_000, () => usage.stop());
  shutdown.add('audit log', 10_000, () => audit.stop());
  shutdown.add('keys', 2_000, async () => {
    clearInterval(gauges);
    keys.stop();
    retired.stop();
    tokens.stop();
    await Promise.all(stores.map((store) => store.close()));
  });
  await Promise.all(stores.map((store) => store.start()));
  // Before the keys, without which no request is granted: the clock may be behind the mark.
  await documents.start();
  await audit.start((...size) => metrics.logSize(...size));
  await retired.start();
  await tokens.start();
  await keys.start();
  usage.start();
  vendor?.start(app.get(VendorMetrics, { strict: false }));
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

/** What the license app is made of, not started yet. Throws if a file is not trusted or cannot be read. */
async function makeParts({ config, log }: AppContext<LicenseConfig>) {
  const files = await readLicenseFiles(config, Date.now());
  const seeds = await readKeySeeds(config.apiKeysFile);
  const standing = new ServiceStanding(config.licenseMode, files.licenses);
  const storeOf = (bucket: string): NatsKeyValue =>
    new NatsKeyValue({ servers: config.natsUrl, name: 'license', bucket, replicas: config.jetstreamReplicas, log });
  const [store, keyStore] = [storeOf(licenseBucket), storeOf(keyBucket)];
  const [retiredStore, tokenStore] = [storeOf(retiredKeyBucket), storeOf(tokenBucket)];
  const acknowledged = config.licenseMode === 'connected' ? async () => vendor?.acknowledged() : undefined;
  const audit = natsAuditLogs(config, store, log, acknowledged);
  const onEvent: OnEvent = (type, facts) => void audit.writer.record(type, facts);
  const documents = new LicenseStore({ store, standing, settings: config, files, log, onEvent });
  const retired = new RetiredKeys(retiredStore, log);
  const keys = new KeyDirectory(keyStore, retired, seeds, config.revocationDelayMs, log);
  keys.onPlanted = (keyId) => onEvent('key_created', { keyId, by: 'file' });
  const tokens = new AccessTokens(tokenStore, log);
  const usage = new MonthlyUsage(audit.logs.usage, new UsageSnapshots(store, log), standing, log);
  const { revocationDelayMs } = config;
  const limits = { quotas: new Quotas(usage), assertRoom: () => audit.assertRoom() };
  const authorizer = new Authorizer({ keys, tokens, standing, revocationDelayMs, ...limits });
  const keyAdmin = new KeyAdmin(keyStore, keys, retired, () => standing.timeMs());
  const vendor = await connectVendor(config, standing, log, { documents, usage, audit, store });
  const stores = [store, keyStore, retiredStore, tokenStore];
  return { config, stores, standing, documents, retired, keys, keyAdmin, tokens, authorizer, usage, audit, vendor };
}

/** The state of the service under the names that its metrics have. */
function measured(standing: ServiceStanding): MeasuredLicense {
  const facts = standing.facts();
  const expiresInMs = (standing.license()?.exp ?? 0) * 1_000 - timeUsedMs(facts);
  return { standing: standingOf(standing.state()), expiresInMs, grantsForMs: standing.grantsForMs() };
}
