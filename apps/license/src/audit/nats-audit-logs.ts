import { NatsAppendLog, type KeyValueStore } from '@app/broker';
import type { Log } from '@app/platform';
import { logs } from '@app/protocol';
import type { LicenseConfig } from '../license.config';
import { AuditLogs } from './audit-logs';

/**
 * The audit log on NATS, as the configuration wants it. `acknowledged`, in connected mode: number of the newest audit record that
 * the vendor has; undefined if it has none.
 */
export function natsAuditLogs(
  config: LicenseConfig,
  store: KeyValueStore,
  log: Log,
  acknowledged?: () => Promise<number | undefined>,
): AuditLogs {
  const nats = { servers: config.natsUrl, name: 'license', replicas: config.jetstreamReplicas, log };
  return new AuditLogs({
    logs: {
      usage: new NatsAppendLog({ ...nats, ...logs.usage, maxBytes: config.usageMaxBytes }),
      audit: new NatsAppendLog({ ...nats, ...logs.audit, maxBytes: config.auditMaxBytes }),
    },
    store,
    log,
    retentionDays: { audit: config.auditRetentionDays, usage: config.usageRetentionDays },
    keyFile: config.auditKeyFile,
    deployment: config.licenseDeployment,
    acknowledged,
  });
}
