import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryKeyValue } from '@app/broker';
import type { ApiKeyRecord } from '@app/licensing';
import { createHttpApp, Readiness, Tracing, type Log } from '@app/platform';
import { AccessTokens } from '../../src/access-tokens';
import type { AuditLogs } from '../../src/audit/audit-logs';
import { memoryAuditLogs } from '../../src/audit/testing';
import { Authorizer } from '../../src/authorizer';
import type { LicenseStore } from '../../src/documents/license-store';
import { KeyAdmin } from '../../src/keys/key-admin';
import { KeyDirectory } from '../../src/keys/key-directory';
import { RetiredKeys } from '../../src/keys/retired-keys';
import { LicenseConfig } from '../../src/license.config';
import { LicenseModule } from '../../src/license.module';
import type { MonthlyUsage } from '../../src/quota/monthly-usage';
import { Quotas } from '../../src/quota/quotas';
import type { ServiceStanding } from '../../src/service-standing';
import { unusedDocuments } from './replica';
import { testUsage } from './test-usage';

/** What a test looks at; the rest is made for it. */
export interface TestAppParts {
  readonly standing: ServiceStanding;
  readonly log: Log;
  readonly seeds: readonly ApiKeyRecord[];
  /** The bucket of API keys. */
  readonly keyStore?: MemoryKeyValue;
  readonly documents?: LicenseStore;
  readonly usage?: MonthlyUsage;
  /** Started by the test if it is given. */
  readonly audit?: AuditLogs;
}

/** The license app over HTTP, with its buckets and logs in memory. */
export interface TestApp {
  readonly app: NestFastifyApplication;
  stop(): Promise<void>;
}

/** Starts the license app without a port: use `app.inject`. */
export async function startTestApp(given: TestAppParts): Promise<TestApp> {
  const { standing, log, seeds, keyStore = new MemoryKeyValue(), usage = testUsage(standing) } = given;
  const { documents = unusedDocuments(standing, log), audit = memoryAuditLogs(log).audit } = given;
  const config = new LicenseConfig();
  const retired = new RetiredKeys(new MemoryKeyValue(), log);
  const keys = new KeyDirectory(keyStore, retired, seeds, config.revocationDelayMs, log);
  const tokens = new AccessTokens(new MemoryKeyValue(), log);
  await Promise.all([retired.start(), tokens.start()]);
  await keys.start();
  if (!given.audit) await audit.start();
  const { revocationDelayMs } = config;
  const limits = { quotas: new Quotas(usage), assertRoom: () => audit.assertRoom() };
  const authorizer = new Authorizer({ keys, tokens, standing, revocationDelayMs, ...limits });
  const keyAdmin = new KeyAdmin(keyStore, keys, retired, () => standing.timeMs());
  const parts = { config, keys, keyAdmin, authorizer, standing, documents, usage, audit };
  const platform = { log, readiness: new Readiness(), tracing: Tracing.off() };
  const app = await createHttpApp(LicenseModule.register(parts, platform), log);
  await app.init();
  return {
    app,
    stop: async () => {
      await app.close();
      await audit.stop();
    },
  };
}
