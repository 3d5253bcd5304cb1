import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore, type LogRecord } from '@app/broker';
import { Log } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import { appendUsage, testUsage } from '../../test/support/test-usage';
import { recognisedIds } from './counted-usage';
import type { MonthlyUsage } from './monthly-usage';

const november = Date.parse('2026-11-29T09:30:00Z');
const december = Date.parse('2026-12-01T00:00:00Z');

/** A stream that notes from where it is read. */
class WatchedStream extends MemoryAppendLog {
  readonly readFrom: number[] = [];

  override read(sequence: number): AsyncIterable<LogRecord> {
    this.readFrom.push(sequence);
    return super.read(sequence);
  }
}

const clock = { timeMs: () => november, highWaterMs: november };
let server: MemoryLogStore;
let stream: WatchedStream;
let store: MemoryKeyValue;
let lines: string[];
let usage: MonthlyUsage;

beforeEach(() => {
  clock.timeMs = () => november;
  clock.highWaterMs = november;
  server = new MemoryLogStore();
  stream = new WatchedStream(server);
  store = new MemoryKeyValue();
  lines = [];
  usage = process();
});

/** A license process; all have the same stream and bucket. */
function process(from = stream): MonthlyUsage {
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  return testUsage(clock, { stream: from, store, log });
}
const append = (id: string, change: Partial<UsageRecord> = {}): Promise<void> =>
  appendUsage(stream, { id, keyId: 'alice', at: '2026-11-10T00:00:00.000Z', characters: 10, ...change });
const characters = (of = usage, timeMs = november): number => of.used(timeMs, 'alice').characters;
const said = (text: string): number => lines.filter((line) => line.includes(text)).length;

describe('the usage of a month', () => {
  it('is what the stream has, of each key and of all', async () => {
    await append('a');
    await append('b', { keyId: 'bob' });
    await append('c', { kind: 'stt', characters: 0, audioSamples: 1, sampleRateHz: 16_000 });
    await append('d', { kind: 'stt', characters: 0, audioSamples: 8_000, sampleRateHz: 8_000 });
    await usage.follow();
    expect(usage.used(november, 'alice')).toEqual({ characters: 10, audioSeconds: 1 + 1 / 16_000 });
    expect(usage.used(november)).toEqual({ characters: 20, audioSeconds: 1 + 1 / 16_000 });
    expect(usage.used(november, 'nobody')).toEqual({ characters: 0, audioSeconds: 0 });
    await append('e');
    await usage.follow();
    expect(characters()).toBe(20);
  });

  it('counts a record that was stored twice once', async () => {
    await append('a');
    server.sequenceById.clear();
    await append('a');
    await usage.follow();
    expect([server.records.length, characters()]).toEqual([2, 10]);
  });

  it('belongs to the month in which the request ended, and is kept for two months', async () => {
    await append('a', { at: '2026-10-31T23:59:59.999Z' });
    await append('b', { at: '2026-11-01T00:00:00.000Z' });
    await usage.follow();
    expect(usage.months).toEqual(['2026-11', '2026-10']);
    expect([characters(), usage.rows('2026-10')]).toMatchObject([10, [{ characters: 10 }]]);
    clock.timeMs = () => december;
    clock.highWaterMs = december;
    await append('late', { at: '2026-10-31T00:00:00.000Z' });
    await usage.follow();
    expect([usage.rows('2026-10'), characters(usage, december), characters()]).toEqual([[], 0, 10]);
  });

  it('is not dropped by a clock that is ahead for a moment', async () => {
    await append('a');
    clock.timeMs = () => Date.parse('2027-06-01T00:00:00Z');
    clock.highWaterMs = -Infinity;
    await usage.follow();
    expect(characters(usage, clock.timeMs())).toBe(0);
    expect(characters()).toBe(10);
  });

  it('has a row for each model, kind and sample rate, without keys', async () => {
    await append('a');
    await append('b', { keyId: 'bob' });
    await append('c', { sampleRateHz: 48_000 });
    await append('d', { at: '2026-10-01T00:00:00.000Z' });
    await usage.follow();
    const row = { model: 'piper', kind: 'tts', requests: 1, characters: 10, audioSamples: 22_050 };
    expect(usage.rows('2026-11')).toEqual([
      { ...row, requests: 2, characters: 20, audioSamples: 44_100, sampleRateHz: 22_050 },
      { ...row, sampleRateHz: 48_000 },
    ]);
  });

  it('goes on behind a message that is no record, and names it in the log', async () => {
    await stream.append(Buffer.from('{"id":"x"}'), 'x');
    await append('a');
    await usage.follow();
    expect([characters(), said('no usage record')]).toEqual([10, 1]);
  });

  it('is followed about every second, until it is stopped', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    try {
      usage.start();
      await jest.advanceTimersByTimeAsync(0);
      await append('a');
      await jest.advanceTimersByTimeAsync(1_000);
      expect(characters()).toBe(10);
      await usage.stop();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('without NATS', () => {
  it('is not known at the start, and stays as it was afterwards', async () => {
    server.disconnect();
    await usage.follow();
    await usage.follow();
    expect(usage.isRead).toBe(false);
    expect(() => characters()).toThrow('license_unavailable');
    expect(said('cannot be followed')).toBe(1);
    server.reconnect();
    await append('a');
    await usage.follow();
    server.disconnect();
    await usage.follow();
    expect([usage.isRead, characters()]).toEqual([true, 10]);
    server.reconnect();
    await usage.follow();
    expect([characters(), said('followed again')]).toEqual([10, 2]);
  });

  it('is not known before the whole stream was read', async () => {
    for (const id of ['a', 'b', 'c']) await append(id);
    const read = jest.spyOn(stream, 'read').mockImplementation(async function* (from) {
      for await (const record of MemoryAppendLog.prototype.read.call(stream, from)) {
        yield record;
        if (record.sequence === 2) throw new Error('gone');
      }
    });
    await usage.follow();
    expect(usage.isRead).toBe(false);
    read.mockRestore();
    await usage.follow();
    expect([usage.isRead, characters()]).toEqual([true, 30]);
  });

  it('is counted anew where NATS comes back with a stream that has less', async () => {
    for (const id of ['a', 'b', 'c']) await append(id);
    await usage.follow();
    const restored = new MemoryLogStore();
    const other = new WatchedStream(restored);
    await appendUsage(other, { id: 'a', keyId: 'alice', at: '2026-11-10T00:00:00.000Z', characters: 10 });
    Object.assign(server, { records: restored.records, lastSequence: restored.lastSequence });
    await usage.follow();
    expect([characters(), said('counted anew')]).toEqual([10, 1]);
  });
});

describe('a restart', () => {
  const restart = async (): Promise<MonthlyUsage> => {
    await usage.stop();
    usage = process();
    await usage.follow();
    return usage;
  };

  it('reads what came after the snapshot, and of older records the latest ids alone', async () => {
    server.lastSequence = recognisedIds + 1_000;
    await append('a');
    await usage.follow();
    expect(stream.readFrom).toEqual([1]);
    await append('b');
    server.sequenceById.clear();
    await append('a');
    await restart();
    expect(characters()).toBe(20);
    expect(stream.readFrom.slice(1)).toEqual([1_002, recognisedIds + 1_002]);
  });

  it('has the sums of the snapshot, exactly, even where the records are gone', async () => {
    await append('a', { sampleRateHz: 44_100, audioSamples: 1 });
    await append('b', { kind: 'stt', characters: 0, audioSamples: 12_345, sampleRateHz: 16_000 });
    await usage.follow();
    const before = [usage.rows('2026-11'), usage.table('key', '2026-11'), usage.used(november)];
    server.records = [];
    await restart();
    expect([usage.rows('2026-11'), usage.table('key', '2026-11'), usage.used(november)]).toEqual(before);
  });

  it.each(['', 'AAAA', Buffer.from('{}').toString('base64')])(
    'reads the whole stream if the snapshot is %j',
    async (text) => {
      await append('a');
      await store.put('usage-totals', text);
      await usage.follow();
      expect([characters(), said('it is damaged'), stream.readFrom]).toEqual([10, 2, [1]]);
      server.records = [];
      await restart();
      expect(characters()).toBe(10);
    },
  );

  it('ignores the snapshot of another stream', async () => {
    for (const id of ['a', 'b']) await append(id);
    await usage.follow();
    await usage.stop();
    server = new MemoryLogStore();
    stream = new WatchedStream(server);
    await append('c');
    usage = process();
    await usage.follow();
    expect(characters()).toBe(10);
    server.records = [];
    await restart();
    expect(characters()).toBe(10);
  });
});

describe('snapshots of several processes', () => {
  const snapshot = (): Promise<string | undefined> => store.get('usage-totals');

  it('are stored every 30 s at most, and replaced by newer ones only', async () => {
    const other = process();
    await append('a');
    await usage.follow();
    const first = await snapshot();
    await append('b');
    await usage.follow();
    expect(await snapshot()).toBe(first);
    await append('c');
    await other.follow();
    const newer = await snapshot();
    expect(newer).not.toBe(first);
    await usage.stop();
    expect(await snapshot()).toBe(newer);
  });

  it('wait while the bucket is away', async () => {
    const put = jest.spyOn(store, 'put').mockRejectedValue(new Error('gone'));
    await append('a');
    await usage.follow();
    expect([characters(), said('could not be stored')]).toEqual([10, 1]);
    put.mockRestore();
    await usage.stop();
    expect(await store.get('usage-totals')).toBeDefined();
  });
});
