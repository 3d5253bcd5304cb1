import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { NatsAppendLog, type LogRecord } from '@app/broker';
import { auditRecord, checkpointRecord, readAuditRecord, verifyAudit } from '@app/licensing';
import { logs } from '@app/protocol';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

const { privateKey } = generateKeyPairSync('ed25519');
const publicKeys = [createPublicKey(privateKey)];
const eventsOfWriter = 150;
const checkpointEvery = 25;

/** One replica of the license app: it repeats what failed, with the same message id. */
class Writer {
  readonly log: NatsAppendLog;

  constructor(
    readonly name: string,
    server: TestNatsServer,
  ) {
    this.log = new NatsAppendLog({ servers: [server.url], name, ...logs.audit });
  }

  async write(onEvent: (index: number) => Promise<void>): Promise<void> {
    for (let index = 1; index <= eventsOfWriter; index++) {
      const event = { at: new Date().toISOString(), type: 'test', facts: { of: this.name, index } };
      await this.add(`${this.name}-${index}`, (last) => auditRecord(last?.payload, event));
      if (index % checkpointEvery === 0) await this.checkpoint(`${this.name}-checkpoint-${index}`);
      await onEvent(index);
    }
  }

  checkpoint(id: string): Promise<void> {
    return this.add(id, async (last) => {
      const first = await this.log.first();
      return (
        last && first && checkpointRecord({ first: first.payload, last: last.payload, privateKey, nowMs: Date.now() })
      );
    });
  }

  private add(id: string, make: Parameters<NatsAppendLog['chain']>[1]): Promise<void> {
    return until(async () => {
      await this.log.chain(id, make);
      return true;
    });
  }
}

async function recordsOf(log: NatsAppendLog): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of log.read(1)) records.push(record);
  return records;
}

describe('an audit chain with two writers under load', () => {
  const server = new TestNatsServer();
  let writers: Writer[];

  beforeEach(async () => {
    await server.start();
    writers = ['one', 'two'].map((name) => new Writer(name, server));
    await Promise.all(writers.map(({ log }) => log.start()));
  });
  afterEach(async () => {
    await Promise.all(writers.map(({ log }) => log.close()));
    await server.stop();
  });

  it('verifies, and has each event once, although the server is killed meanwhile', async () => {
    const [one, two] = writers as [Writer, Writer];
    const restart = async (index: number): Promise<void> => {
      if (index !== eventsOfWriter / 2) return;
      await server.kill();
      await server.start();
    };
    await Promise.all([one.write(restart), two.write(() => Promise.resolve())]);
    await one.checkpoint('end');
    // The other writer may have ended before the kill, and still be without a connection.
    const lines = (await recordsOf(one.log)).map(({ payload }) => payload);
    const { findings, checkpoint } = await verifyAudit(lines, publicKeys);
    expect(findings).toEqual([]);
    expect(checkpoint?.seq).toBe(lines.length - 1);
    const events = lines.flatMap((line) => {
      const record = readAuditRecord(line);
      return record?.type === 'test' ? [`${String(record.of)} ${String(record.index)}`] : [];
    });
    const wanted = ['one', 'two'].flatMap((name) =>
      Array.from({ length: eventsOfWriter }, (_, index) => `${name} ${index + 1}`),
    );
    expect(events.sort()).toEqual(wanted.sort());
  });
});
