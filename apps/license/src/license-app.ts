import { NatsAppendLog, NatsKeyValue } from '@app/broker';
import { timeUsedMs } from '@app/licensing';
import { createHttpApp, listen, type AppContext, type Log } from '@app/platform';
import { logs } from '@app/protocol';
import { AccessTokens, tokenBucket } from './access-tokens';
import { Authorizer } from './authorizer';
import { licenseBucket } from './documents/bucket';
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
  const files = await readLicenseFiles(config, Date.now());
  const standing = new ServiceStanding(config.licenseMode, files.licenses);
  const seeds = await readKeySeeds(config.apiKeysFile);
  const { natsUrl: servers, jetstreamReplicas: replicas } = config;
  const storeOf = (bucket: string): NatsKeyValue => new NatsKeyValue({ servers, name: 'license', bucket, replicas });
  const [keyStore, retiredStore, tokenStore] = [storeOf(keyBucket), storeOf(retiredKeyBucket), storeOf(tokenBucket)];
  const auditLog = new NatsAppendLog({ servers, name: 'license-audit', ...logs.audit, replicas });
  const licenseStore = storeOf(licenseBucket);
  const stores = [licenseStore, keyStore, retiredStore, tokenStore];
  const documents = new LicenseStore({ store: licenseStore, standing, settings: config, files, log });
  const retired = new RetiredKeys(retiredStore, log);
  const keys = new KeyDirectory(keyStore, retired, seeds, config.revocationDelayMs, log);
  const tokens = new AccessTokens(tokenStore, log);
  const usageLog = new NatsAppendLog({ servers, name: 'license-usage', ...logs.usage, replicas });
  const usage = new MonthlyUsage(usageLog, new UsageSnapshots(licenseStore, log), standing, log);
  const authorizer = new Authorizer(keys, tokens, standing, config.revocationDelayMs, new Quotas(usage));
  const keyAdmin = new KeyAdmin(keyStore, keys, retired, () => standing.timeMs());
  readiness.add('API keys read', () => keys.isCurrent(standing.timeMs()));
  readiness.add('usage of the month read', () => usage.isRead);
  const seams = { documents, usage, auditLog, store: licenseStore };
  const vendor = await connectVendor(config, standing, log, seams);
  const parts = { config, keys, keyAdmin, authorizer, standing, documents, usage, vendor };
  const app = await createHttpApp(LicenseModule.register(parts, context), log);
  shutdown.add('http', 5_000, () => app.close());
  const port = await listen(app, config);
  const metrics = app.get(LicenseMetrics, { strict: false });
  const graces = new GraceWatch(() => standing.facts(), app.get(GraceMetrics, { strict: false }), log);
  const measure = (): void => {
    metrics.keys(keys.size);
    keys.freshUntilMs(standing.timeMs());
    metrics.license(measured(standing));
    graces.observe();
  };
  const gauges = setInterval(measure, gaugeIntervalMs);
  shutdown.add('vendor', 2_000, async () => {
    await vendor?.stop();
    await auditLog.close();
  });
  shutdown.add('licence documents', 5_000, () => documents.stop());
  shutdown.add('usage', 5_000, async () => {
    await usage.stop();
    await usageLog.close();
  });
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
  await retired.start();
  await tokens.start();
  await keys.start();
  await startUsage(usageLog, usage, log);
  if (vendor) {
    await auditLog.start();
    vendor.start(app.get(VendorMetrics, { strict: false }));
  }
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

/** A stream that cannot be created yet is tried again each time that it is read. */
async function startUsage(usageLog: NatsAppendLog, usage: MonthlyUsage, log: Log): Promise<void> {
  await usageLog.start().catch((error: unknown) => {
    log.error('the JetStream stream of usage records cannot be created', { err: error });
  });
  usage.start();
}

/** The state of the service under the names that its metrics have. */
function measured(standing: ServiceStanding): MeasuredLicense {
  const facts = standing.facts();
  const expiresInMs = (standing.license()?.exp ?? 0) * 1_000 - timeUsedMs(facts);
  return { standing: standingOf(standing.state()), expiresInMs, grantsForMs: standing.grantsForMs() };
}
