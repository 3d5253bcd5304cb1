import { MemoryAppendLog, MemoryKeyValue, MemoryLogStore, type LogRecord } from '@app/broker';
import { Log } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import { appendUsage, testUsage } from '../../test/support/test-usage';
import { recognisedIds } from './counted-usage';
import type { MonthlyUsage } from './monthly-usage';

const november = Date.parse('2026-11-29T09:30:00Z');

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
  server = new MemoryLogStore();
  stream = new WatchedStream(server);
  store = new MemoryKeyValue();
  lines = [];
  usage = process();
});

/** A license process; all have the same stream and bucket. */
function process(): MonthlyUsage {
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  return testUsage(clock, { stream, store, log });
}
const append = (id: string, change: Partial<UsageRecord> = {}): Promise<void> =>
  appendUsage(stream, { id, keyId: 'alice', at: '2026-11-10T00:00:00.000Z', characters: 10, ...change });
const characters = (): number => usage.used(november, 'alice').characters;
const said = (text: string): number => lines.filter((line) => line.includes(text)).length;

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
