import { MemoryKeyValue } from '@app/broker';
import { clockSettleMs, dayMs } from '@app/licensing';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { markEntry } from './bucket';

const issuer = new Issuer();
const afterTheEnd = '2026-07-03T00:00:00Z';
const inTime = '2026-06-01T12:00:00Z';
let files: Files;
let store: MemoryKeyValue;
const running: Replica[] = [];

beforeEach(async () => {
  files = new Files();
  files.write(await issuer.license(), issuer.pem);
  store = new MemoryKeyValue();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ documents }) => documents.stop()));
  files.remove();
});

const started = async (now: string): Promise<Replica> => {
  const replica = await new Replica(store, files, now).start();
  running.push(replica);
  return replica;
};

/** A process has run until its clock has settled. */
const settled = async (now: string): Promise<Replica> => {
  const replica = await started(now);
  await replica.pass(0);
  await replica.pass(clockSettleMs);
  return replica;
};

it('gives no service after the end in a fresh process whose clock is behind', async () => {
  await (await settled(afterTheEnd)).documents.stop();
  expect((await started(inTime)).state).toBe('refused, expired');
});

it('is not written before the clock has settled: a clock that is ahead for a moment spoils nothing', async () => {
  const wrong = await started('2036-01-01T00:00:00Z');
  await wrong.pass(clockSettleMs - 1);
  await wrong.documents.stop();
  expect(await store.get(markEntry)).toBeUndefined();
  expect((await started(inTime)).state).toBe('active');
});

it('is written once it has advanced by a minute, and when the process stops', async () => {
  const replica = await settled(inTime);
  const first = Number(await store.get(markEntry));
  expect(first).toBe(Date.parse(inTime) + clockSettleMs);
  await replica.pass(59_999);
  expect(Number(await store.get(markEntry))).toBe(first);
  await replica.pass(1);
  expect(Number(await store.get(markEntry))).toBe(first + 60_000);
  replica.monotonicMs += 5_000;
  await replica.documents.stop();
  expect(Number(await store.get(markEntry))).toBe(first + 65_000);
});

it('reaches a running replica whose clock is behind, and is not raised by the exchange', async () => {
  const behind = await started(inTime);
  const right = await settled(afterTheEnd);
  expect(behind.state).toBe('refused, expired');
  for (let minutes = 0; minutes < 60; minutes++) {
    for (const replica of [behind, right]) replica.advance(60_000);
    for (const replica of [behind, right]) await replica.documents.poll();
  }
  expect([behind, right].map(({ standing }) => standing.timeMs())).toEqual([right.wallMs, right.wallMs]);
});

it('is never lowered, not even by a process that knows an earlier one', async () => {
  const early = await settled(inTime);
  await store.put(markEntry, String(Date.parse(afterTheEnd)));
  await early.pass(60_000);
  expect(Number(await store.get(markEntry))).toBeGreaterThanOrEqual(Date.parse(afterTheEnd));
  expect(early.state).toBe('refused, expired');
});

it.each([
  ['an older backup of NATS was restored', () => store.put(markEntry, String(Date.parse(inTime) - dayMs))],
  ['NATS lost its disk', () => Promise.resolve(store.loseEverything())],
])('is put back if %s', async (_, happens) => {
  const replica = await settled(inTime);
  const before = Number(await store.get(markEntry));
  await happens();
  store.reconnect();
  await replica.pass(0);
  expect(Number(await store.get(markEntry))).toBeGreaterThanOrEqual(before);
});

it.each(['soon', '-5', '99999999999999999', '1e20', ''])(
  'is not %j: such an entry is ignored and replaced',
  async (bad) => {
    await store.put(markEntry, bad);
    const replica = await settled(inTime);
    expect(replica.said('high-water mark ignored: its entry is damaged')).not.toEqual([]);
    expect(replica.state).toBe('active');
    expect(Number(await store.get(markEntry))).toBe(replica.wallMs);
  },
);
