import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore } from '@app/broker';
import { auditRecord } from '@app/licensing';
import { AuditForwarder } from '../../src/vendor/audit-forwarder';
import type { VendorOutcome } from '../../src/vendor/vendor-outcome';
import { FakeLink } from './fake-link';

/**
 * What an endpoint has stored, by number. It compares what it has, says from where to go on after a gap, and begins at the
 * oldest record of the sender where it lacks what is older.
 */
class AuditReceiver {
  readonly stored: string[] = [];
  requests = 0;

  readonly take = (_path: string, request: object): VendorOutcome<object> => {
    this.requests++;
    const { records, oldest } = request as { records: string[]; oldest?: number };
    for (const text of records) {
      const { seq } = JSON.parse(text) as { seq: number };
      const known = this.stored[seq - 1];
      if (known === undefined && seq !== this.stored.length + 1 && seq !== oldest) break;
      if (known !== undefined && known !== text) return { outcome: 'refused', status: 409, code: 'audit_conflict' };
      this.stored[seq - 1] = text;
    }
    return acknowledge(this.stored.length);
  };
}

/** The answer to forwarded records. */
export const acknowledge = (acknowledged: number): VendorOutcome<object> => ({
  outcome: 'answered',
  answer: { acknowledged },
});

/** An audit log, the store of the acknowledgement, and an endpoint, all in memory. */
export class AuditBench {
  readonly logStore = new MemoryLogStore();
  readonly log = new MemoryAppendLog(this.logStore);
  readonly store = new MemoryKeyValue();
  readonly receiver = new AuditReceiver();
  readonly link = new FakeLink(this.receiver.take);
  /** The records of the log. */
  readonly texts: string[] = [];
  private last: Uint8Array | undefined;

  /** Appends records of a chain, each with a text of this length. */
  async record(count: number, size = 0): Promise<void> {
    for (let more = 0; more < count; more++) {
      const at = '2026-11-29T09:30:00.000Z';
      this.last = auditRecord(this.last, { at, type: 'test', facts: { text: 'x'.repeat(size) } });
      this.texts.push(Buffer.from(this.last).toString('utf8'));
      await this.log.append(this.last, `id-${this.texts.length}`);
    }
  }

  /** A replica that starts now. */
  forwarder(): AuditForwarder {
    return new AuditForwarder(this.link, this.log, this.store);
  }

  /** How many records each request had. */
  sentRecords(): number[] {
    return this.link.sent.map(({ request }) => (request['records'] as string[]).length);
  }
}
