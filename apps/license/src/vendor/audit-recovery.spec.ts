import { maxVendorRequestBytes } from '@app/licensing';
import { acknowledge, AuditBench } from '../../test/support/audit-bench';
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

describe('sends again what the endpoint has lost', () => {
  it('from where the endpoint says, and does not lower the stored number', async () => {
    await record(5);
    await store.put('audit-forwarded', '4');
    receiver.stored.push(...texts.slice(0, 1));
    const numbers: (string | undefined)[] = [];
    link.reply = async (...request) => {
      numbers.push(await store.get('audit-forwarded'));
      return receiver.take(...request);
    };
    const parts = forwarder();
    await parts.tick();
    expect([receiver.stored, sentRecords(), numbers]).toEqual([texts, [1, 4], ['4', '4']]);
    expect([parts.failure, await parts.acknowledged()]).toEqual([undefined, 5]);
    expect(link.lines).toMatchObject([{ level: 'warn', msg: 'the licence endpoint lacks audit records', from: 2 }]);
  });

  it('in as many requests as it needs', async () => {
    await record(7, 700_000);
    await store.put('audit-forwarded', '6');
    await forwarder().tick();
    expect([receiver.stored, sentRecords()]).toEqual([texts, [1, 2, 2, 2, 1]]);
  });

  it('as far as the log still has it', async () => {
    await record(5);
    await store.put('audit-forwarded', '4');
    await log.dropBefore(3);
    await forwarder().tick();
    expect([receiver.stored.slice(2), sentRecords()]).toEqual([texts.slice(2), [1, 3]]);
  });
});

it('begins with the oldest record that is left for an endpoint that has none', async () => {
  await record(4);
  await log.dropBefore(3);
  const parts = forwarder();
  await parts.tick();
  expect([receiver.stored.slice(2), await parts.acknowledged()]).toEqual([texts.slice(2), 4]);
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
    expect(await alarm()).toBe('audit_conflict');
  });

  it('where the endpoint takes nothing', async () => {
    await record(3);
    link.reply = () => acknowledge(0);
    expect(await alarm()).toBe('sent from 1, acknowledged 0');
  });

  it('where the endpoint says that the records are no chain', async () => {
    await record(1);
    link.reply = () => ({ outcome: 'refused', status: 400, code: 'bad_request' });
    expect(await alarm()).toBe('bad_request');
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
    link.reply = () => ({ outcome: 'refused', status: 413, code: 'too_large' });
    expect(await alarm()).toBe('too_large');
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

  it('where the endpoint goes back again and again', async () => {
    await record(5);
    await store.put('audit-forwarded', '4');
    const answers = [0, 3, 0, 3, 0];
    link.reply = () => acknowledge(answers[link.sent.length - 1] ?? 0);
    const parts = forwarder();
    await parts.tick();
    expect([parts.failure?.outcome, link.sent.length]).toEqual(['alarm', 3]);
  });
});
