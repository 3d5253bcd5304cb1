import { maxVendorRequestBytes } from '@app/licensing';
import { acknowledge, AuditBench } from '../../test/support/audit-bench';
import { outage } from '../../test/support/fake-link';
import type { AuditForwarder } from './audit-forwarder';

let bench: AuditBench;
let texts: AuditBench['texts'];
let link: AuditBench['link'];
let log: AuditBench['log'];
let store: AuditBench['store'];
let receiver: AuditBench['receiver'];
beforeEach(() => {
  bench = new AuditBench();
  ({ texts, link, log, store, receiver } = bench);
});
const record = (count: number, size?: number): Promise<void> => bench.record(count, size);
const forwarder = (): AuditForwarder => bench.forwarder();
const sentRecords = (): number[] => bench.sentRecords();

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
  bench.logStore.lastSequence = 1_000;
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
  bench.logStore.lastSequence = 50;
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

/** Every value that the stored number has from now on. */
async function storedNumbers(): Promise<(string | undefined)[]> {
  const numbers: (string | undefined)[] = [];
  await store.watch({ onSnapshot: () => undefined, onChange: (_, value) => void numbers.push(value) });
  return numbers;
}

it('never lowers the stored number', async () => {
  await record(3);
  const numbers = await storedNumbers();
  link.reply = async () => {
    await store.put('audit-forwarded', '3');
    return acknowledge(1);
  };
  await forwarder().tick();
  expect(numbers).toEqual(['3']);
});

it('stores only numbers of records that it sent, whatever the endpoint has', async () => {
  await record(5, 700_000);
  receiver.stored.push(...texts);
  const numbers = await storedNumbers();
  await forwarder().tick();
  expect(numbers).toEqual(['2', '4', '5']);
});

it('sends everything again where the stored number is lost or is none', async () => {
  await record(3);
  receiver.stored.push(...texts);
  await store.put('audit-forwarded', 'nonsense');
  const parts = forwarder();
  await parts.tick();
  expect([await parts.acknowledged(), parts.failure]).toEqual([3, undefined]);
});

it('outlives an outage of the bus', async () => {
  await record(1);
  bench.logStore.disconnect();
  const parts = forwarder();
  await parts.tick();
  expect(parts.failure).toMatchObject({ outcome: 'log_unavailable', why: 'bus_unavailable' });
  bench.logStore.reconnect();
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
