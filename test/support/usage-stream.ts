import { NatsAppendLog } from '@app/broker';
import { logs, readUsageRecord, type UsageRecord } from '@app/protocol';

/** The usage stream of a NATS server, as an auditor reads it. */
export class UsageStream {
  private constructor(private readonly log: NatsAppendLog) {}

  /** `natsUrl` is the address of a server that runs. */
  static async open(natsUrl: string): Promise<UsageStream> {
    const log = new NatsAppendLog({ servers: [natsUrl], name: 'test', ...logs.usage });
    await log.start();
    return new UsageStream(log);
  }

  /** Every record of the stream, copies too. */
  async records(): Promise<UsageRecord[]> {
    const records: UsageRecord[] = [];
    for await (const { payload } of this.log.read(1)) records.push(readUsageRecord(payload));
    return records;
  }

  close(): Promise<void> {
    return this.log.close();
  }
}
