import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore } from '@app/broker';
import type { Log } from '@app/platform';
import { AuditLogs, type AuditLogsOptions } from './audit-logs';

/** An audit log in memory, for tests of the license app. */
export function memoryAuditLogs(log: Log, change: Partial<AuditLogsOptions> = {}) {
  const stores = { usage: new MemoryLogStore(), audit: new MemoryLogStore() };
  const logs = { usage: new MemoryAppendLog(stores.usage), audit: new MemoryAppendLog(stores.audit) };
  const retentionDays = { audit: 400, usage: 100 };
  const audit = new AuditLogs({ logs, store: new MemoryKeyValue(), log, retentionDays, ...change });
  return { audit, stores, logs };
}
