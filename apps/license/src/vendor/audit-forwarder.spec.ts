import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore } from '@app/broker';
import { auditRecord, maxVendorRequestBytes } from '@app/licensing';
import { FakeLink, outage } from '../../test/support/fake-link';
import { AuditForwarder } from './audit-forwarder';
import type { VendorOutcome } from './vendor-outcome';

/** What an endpoint has stored, by number. It compares what it has, and refuses what does not follow. */
class Receiver {
  readonly stored: string[] = [];
  requests = 0;

  readonly take = (_path: string, request: object): VendorOutcome<object> => {
    this.requests++;
    for (const text of (request as { records: string[] }).records) {
      const { seq } = JSON.parse(text) as { seq: number };
      const known = this.stored[seq - 1];
      if (known === undefined ? seq !== this.stored.length + 1 : known !== text) {
        return { outcome: 'refused', status: 409, code: 'conflict' };
      }
      this.stored[seq - 1] = text;
    }
    return acknowledge(this.stored.length);
  };
}

const acknowledge = (acknowledged: number): VendorOutcome<object> => ({
  outcome: 'answered',
  answer: { acknowledged },
});

let logStore: MemoryLogStore;
let log: MemoryAppendLog;
let store: MemoryKeyValue;
let receiver: Receiver;
let link: FakeLink;
let texts: string[];
beforeEach(() => {
  logStore = new MemoryLogStore();
  log = new MemoryAppendLog(logStore);
  store = new MemoryKeyValue();
  receiver = new Receiver();
  link = new FakeLink(receiver.take);
  texts = [];
});

let last: Uint8Array | undefined;
beforeEach(() => (last = undefined));
async function record(count: number, size = 0): Promise<void> {
  for (let more = 0; more < count; more++) {
    last = auditRecord(last, { at: '2026-11-29T09:30:00.000Z', type: 'test', facts: { text: 'x'.repeat(size) } });
    const text = Buffer.from(last).toString('utf8');
    texts.push(text);
    await log.append(last, `id-${texts.length}`);
  }
}
const forwarder = (ofLink = link): AuditForwarder => new AuditForwarder(ofLink, log, store);
const sentRecords = (): number[] => link.sent.map(({ request }) => (request['records'] as string[]).length);

it('forwards every record in order, stores the number of the last one, and then only what is new', async () => {
  await record(3);
  const parts = forwarder();
  await parts.tick();
  expect(receiver.stored).toEqual(texts);
  expect([await parts.acknowledged(), parts.forwardedUpTo, await store.get('audit-forwarded')]).toEqual([3, 3, '3']);
  await record(2);
  await parts.tick();
  expect(receiver.stored).toHaveLength(3);
  link.clockMs += 10_000;
  await parts.tick();
  expect([receiver.stored, sentRecords()]).toEqual([texts, [3, 2]]);
  expect(link.measured.filter((each) => each.startsWith('waiting')).at(-1)).toBe('waiting 0');
});

it('sends nothing for an empty log', async () => {
  await forwarder().tick();
  expect([link.sent, link.measured]).toEqual([[], ['waiting 0']]);
});

it('goes on from the stored number after a restart', async () => {
  await record(2);
  await forwarder().tick();
  await record(2);
  await forwarder().tick();
  expect([receiver.stored, sentRecords()]).toEqual([texts, [2, 2]]);
});

it('divides what is more than a request takes, and never exceeds it', async () => {
  await record(7, 700_000);
  await forwarder().tick();
  expect([receiver.stored, sentRecords()]).toEqual([texts, [2, 2, 2, 1]]);
  for (const { request } of link.sent) {
    expect(Buffer.byteLength(JSON.stringify(request))).toBeLessThanOrEqual(maxVendorRequestBytes);
  }
});

it('knows a record by its number in the chain, whatever its sequence number in the log is', async () => {
  logStore.lastSequence = 1_000;
  await record(5);
  const parts = forwarder();
  await parts.tick();
  expect([receiver.stored, await parts.acknowledged()]).toEqual([texts, 5]);
  await record(1);
  await log.dropBefore(1_003);
  link.clockMs += 10_000;
  await parts.tick();
  expect([receiver.stored, sentRecords()]).toEqual([texts, [5, 1]]);
});

it('finds the next record where the log was put together with gaps in its sequence numbers', async () => {
  await record(1);
  logStore.lastSequence = 50;
  await record(4);
  await store.put('audit-forwarded', '3');
  receiver.stored.push(...texts.slice(0, 3));
  await forwarder().tick();
  expect([receiver.stored, sentRecords()]).toEqual([texts, [2]]);
});

it('keeps what was not acknowledged through an outage, and forwards it afterwards', async () => {
  await record(3);
  link.reply = () => outage;
  const parts = forwarder();
  await parts.tick();
  expect([await parts.acknowledged(), parts.failure?.why]).toEqual([0, 'connection: ECONNREFUSED']);
  expect(link.measured).toEqual(['waiting 3', 'forward unreachable']);
  link.reply = receiver.take;
  await parts.tick();
  expect(receiver.requests).toBe(0);
  link.clockMs += 60_000;
  await parts.tick();
  expect([receiver.stored, parts.failure]).toEqual([texts, undefined]);
});

it('sends again what was received but not acknowledged', async () => {
  await record(2);
  link.reply = (...request) => (receiver.take(...request), outage);
  const parts = forwarder();
  await parts.tick();
  link.reply = receiver.take;
  link.clockMs += 60_000;
  await parts.tick();
  expect([receiver.stored, receiver.requests, await parts.acknowledged()]).toEqual([texts, 2, 2]);
});

it('goes on from a part that was acknowledged', async () => {
  await record(4);
  link.reply = (path, request) => {
    const { records } = request as { records: string[] };
    return receiver.take(path, { records: records.slice(0, 3) });
  };
  const parts = forwarder();
  await parts.tick();
  expect([receiver.stored, sentRecords(), await parts.acknowledged()]).toEqual([texts, [4, 1], 4]);
});

it('is correct where several replicas forward at once', async () => {
  await record(6, 700_000);
  const [a, b] = [forwarder(), forwarder()];
  await Promise.all([a.tick(), b.tick()]);
  expect([receiver.stored, await a.acknowledged(), a.failure, b.failure]).toEqual([texts, 6, undefined, undefined]);
});

it('never lowers the stored number', async () => {
  await record(3);
  link.reply = async () => {
    await store.put('audit-forwarded', '3');
    return acknowledge(1);
  };
  await forwarder().tick();
  expect(await store.get('audit-forwarded')).toBe('3');
});

it('sends everything again where the stored number is lost or is none', async () => {
  await record(3);
  receiver.stored.push(...texts);
  await store.put('audit-forwarded', 'nonsense');
  const parts = forwarder();
  await parts.tick();
  expect([await parts.acknowledged(), parts.failure]).toEqual([3, undefined]);
});

describe('raises an alarm', () => {
  const alarm = async (parts = forwarder()): Promise<string | undefined> => {
    await parts.tick();
    expect(parts.failure?.outcome).toBe('alarm');
    expect(link.lines).toMatchObject([{ level: 'error', msg: 'audit log is not forwarded' }]);
    expect(link.measured.at(-1)).toBe('forward alarm');
    return parts.failure?.why;
  };

  it('where the endpoint acknowledges what the log does not have, and stores nothing', async () => {
    await record(2);
    link.reply = () => acknowledge(9);
    expect(await alarm()).toMatch(/acknowledged 9/);
    expect(await store.get('audit-forwarded')).toBeUndefined();
  });

  it('where the endpoint has other records under these numbers', async () => {
    await record(2);
    receiver.stored.push('{"seq":1,"another":true}');
    expect(await alarm()).toBe('conflict');
  });

  it('where the endpoint has lost what it acknowledged', async () => {
    await record(3);
    await store.put('audit-forwarded', '2');
    link.reply = () => acknowledge(0);
    expect(await alarm()).toBe('sent from 3, acknowledged 0');
    expect(await store.get('audit-forwarded')).toBe('2');
  });

  it('where the log ends before what was acknowledged', async () => {
    await record(2);
    await store.put('audit-forwarded', '5');
    expect(await alarm()).toMatch(/up to 5, the log ends at 2/);
    expect(link.sent).toEqual([]);
  });

  it('where the log has bytes that are no record', async () => {
    await log.append(Buffer.from('nonsense'), 'id');
    expect(await alarm()).toMatch(/no audit record/);
  });

  it('where one record is too large for a request', async () => {
    await record(1, maxVendorRequestBytes);
    link.reply = () => ({ outcome: 'refused', status: 413, code: 'payload_too_large' });
    expect(await alarm()).toBe('payload_too_large');
  });

  it('and looks again after 15 minutes', async () => {
    await record(1);
    link.reply = () => acknowledge(9);
    const parts = forwarder();
    await alarm(parts);
    link.reply = receiver.take;
    link.clockMs += 15 * 60_000;
    await parts.tick();
    expect([receiver.stored, parts.failure]).toEqual([texts, undefined]);
  });
});

it('outlives an outage of the bus', async () => {
  await record(1);
  logStore.disconnect();
  const parts = forwarder();
  await parts.tick();
  expect(parts.failure).toMatchObject({ outcome: 'log_unavailable', why: 'bus_unavailable' });
  logStore.reconnect();
  link.clockMs += 60_000;
  await parts.tick();
  expect(receiver.stored).toEqual(texts);
});

it('logs no record and no licence', async () => {
  await record(1);
  await forwarder().tick();
  link.reply = () => acknowledge(9);
  await record(1);
  link.clockMs += 60_000;
  await forwarder().tick();
  expect(link.lines.length).toBeGreaterThan(0);
  expect(JSON.stringify(link.lines)).not.toMatch(/the-license|09:30:00/);
});
