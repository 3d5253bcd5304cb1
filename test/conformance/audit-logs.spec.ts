import { NatsAppendLog, NatsKeyValue } from '@app/broker';
import { readAuditRecord, readPublicKeys, UsageTotals, verifyAudit } from '@app/licensing';
import { Log } from '@app/platform';
import { logs, usageBytes, type UsageRecord } from '@app/protocol';
import { AuditLogs } from '../../apps/license/src/audit/audit-logs';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

const silent = Log.create('license', 'error', { write: () => undefined });
const usageRecords = 3_000;

const usageRecord = (index: number): UsageRecord => ({
  id: `job-${index}`,
  at: '2026-11-29T09:30:00.000Z',
  requestId: `r-${index}`,
  keyId: index % 3 === 0 ? 'alice' : 'bob',
  kind: 'tts',
  model: 'piper',
  characters: index,
  audioSamples: 3 * index,
  sampleRateHz: 24_000,
  outcome: 'done',
});

/** One process of the license app with its connections. */
class Replica {
  private readonly nats: { servers: string[]; name: string };
  readonly logs: { usage: NatsAppendLog; audit: NatsAppendLog };
  readonly audit: AuditLogs;
  private readonly store: NatsKeyValue;

  constructor(server: TestNatsServer, limits: { usage?: number; audit?: number } = {}) {
    this.nats = { servers: [server.url], name: 'license' };
    this.logs = {
      usage: new NatsAppendLog({ ...this.nats, ...logs.usage, maxBytes: limits.usage }),
      audit: new NatsAppendLog({ ...this.nats, ...logs.audit, maxBytes: limits.audit }),
    };
    this.store = new NatsKeyValue({ ...this.nats, bucket: 'antiphon-license' });
    const retentionDays = { audit: 400, usage: 100 };
    this.audit = new AuditLogs({ logs: this.logs, store: this.store, log: silent, retentionDays, roundMs: 20 });
  }

  async start(): Promise<this> {
    await this.store.start();
    await this.audit.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.audit.stop();
    await this.store.close();
  }

  /** As `kill -9` would: nothing is written any more. */
  async die(): Promise<void> {
    await Promise.all([this.logs.usage.close(), this.logs.audit.close(), this.store.close()]);
    await this.audit.stop();
  }
}

async function linesOf(log: NatsAppendLog): Promise<Uint8Array[]> {
  const lines: Uint8Array[] = [];
  for await (const { payload } of log.read(1)) lines.push(payload);
  return lines;
}

describe('the audit log of two license apps', () => {
  const server = new TestNatsServer();
  let reader: NatsAppendLog;
  let gateway: NatsAppendLog;

  beforeEach(async () => {
    await server.start();
    const nats = { servers: [server.url], name: 'test' };
    [reader, gateway] = [new NatsAppendLog({ ...nats, ...logs.audit }), new NatsAppendLog({ ...nats, ...logs.usage })];
    await Promise.all([reader.start(), gateway.start()]);
  });
  afterEach(async () => {
    await Promise.all([reader.close(), gateway.close()]);
    await server.stop();
  });

  it('has each usage record and each event once, although NATS and a license app are killed under load', async () => {
    let first = await new Replica(server).start();
    const second = await new Replica(server).start();
    const expected = new UsageTotals();
    const events: Promise<void>[] = [];
    for (let index = 1; index <= usageRecords; index++) {
      const record = usageRecord(index);
      expected.add(record);
      await until(() =>
        gateway.append(usageBytes(record), record.id).then(
          () => true,
          () => false,
        ),
      );
      if (index % 100 === 0) {
        const replica = index % 200 === 0 ? first.audit : second.audit;
        events.push(replica.writer.record('test', { index }));
      }
      if (index === usageRecords / 2) {
        await server.kill();
        await server.start();
      }
      if (index % 700 === 0) {
        await Promise.all(events);
        await first.die();
        first = await new Replica(server).start();
      }
    }
    await Promise.all(events);
    await second.stop();
    await first.stop();

    const store = new NatsKeyValue({ servers: [server.url], name: 'test', bucket: 'antiphon-license' });
    await store.start();
    const keys = readPublicKeys((await store.get('audit-public-keys')) ?? '');
    await store.close();
    const lines = await linesOf(reader);
    const report = await verifyAudit(lines, keys);
    expect(report.findings).toEqual([]);
    expect(report.usage.duplicates).toBe(0);
    expect(report.usage.rows('key')).toEqual(expected.rows('key'));
    const written = lines.flatMap((line) => readAuditRecord(line) ?? []).filter(({ type }) => type === 'test');
    const indexes = written.map(({ index }) => Number(index)).sort((a, b) => a - b);
    expect(indexes).toEqual(Array.from({ length: usageRecords / 100 }, (_, index) => (index + 1) * 100));
  });

  it('refuses new requests while the log is full, admits them again when there is room, and loses nothing', async () => {
    const limit = 150_000;
    const replica = await new Replica(server, { audit: limit }).start();
    const refusal = (): string => {
      try {
        replica.audit.assertRoom();
        return 'admitted';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const expected = new UsageTotals();
    let index = 0;
    while (index < 1_000) {
      const record = usageRecord(++index);
      expected.add(record);
      await gateway.append(usageBytes(record), record.id);
    }
    await until(() => refusal() === 'audit_log_full');
    // A key can be revoked all the same; its record waits.
    const waiting = replica.audit.writer.record('key_revoked', { keyId: 'alice', by: 'admin' });

    const raised = new NatsAppendLog({ servers: [server.url], name: 'operator', ...logs.audit, maxBytes: 10 * limit });
    await raised.start();
    await raised.close();
    await until(() => refusal() === 'admitted');
    await waiting;
    await until(async () => (await verifiedTotals(reader, server)).records === expected.records);
    expect((await verifiedTotals(reader, server)).rows('key')).toEqual(expected.rows('key'));
    await replica.stop();
  });

  it('drops nothing where the limit of a stream that holds more is lowered', async () => {
    for (let index = 1; index <= 500; index++) await gateway.append(usageBytes(usageRecord(index)), `job-${index}`);
    const before = await gateway.state();
    const lowered = new NatsAppendLog({ servers: [server.url], name: 'operator', ...logs.usage, maxBytes: 10_000 });
    await lowered.start();
    expect(await lowered.state()).toMatchObject({ records: before.records, maxBytes: 10_000 });
    await expect(gateway.append(usageBytes(usageRecord(501)), 'job-501')).rejects.toMatchObject({ code: 'disk_full' });
    await lowered.close();
  });
});

async function verifiedTotals(log: NatsAppendLog, server: TestNatsServer): Promise<UsageTotals> {
  const store = new NatsKeyValue({ servers: [server.url], name: 'test', bucket: 'antiphon-license' });
  await store.start();
  const keys = readPublicKeys((await store.get('audit-public-keys')) ?? '');
  await store.close();
  return (await verifyAudit(await linesOf(log), keys)).usage;
}
