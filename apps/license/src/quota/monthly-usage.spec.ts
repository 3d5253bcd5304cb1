import { MemoryAppendLog, MemoryLogStore } from '@app/broker';
import { Log } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import { appendUsage, testUsage } from '../../test/support/test-usage';
import type { MonthlyUsage } from './monthly-usage';

const november = Date.parse('2026-11-29T09:30:00Z');
const december = Date.parse('2026-12-01T00:00:00Z');

const clock = { timeMs: () => november, highWaterMs: november };
let server: MemoryLogStore;
let stream: MemoryAppendLog;
let lines: string[];
let usage: MonthlyUsage;

beforeEach(() => {
  clock.timeMs = () => november;
  clock.highWaterMs = november;
  server = new MemoryLogStore();
  stream = new MemoryAppendLog(server);
  lines = [];
  const log = Log.create('license', 'info', { write: (line) => void lines.push(line) });
  usage = testUsage(clock, { stream, log });
});

const append = (id: string, change: Partial<UsageRecord> = {}): Promise<void> =>
  appendUsage(stream, { id, keyId: 'alice', at: '2026-11-10T00:00:00.000Z', characters: 10, ...change });
const characters = (timeMs = november): number => usage.used(timeMs, 'alice').characters;
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
    expect([usage.rows('2026-10'), characters(december), characters()]).toEqual([[], 0, 10]);
  });

  it('is not dropped by a clock that is ahead for a moment', async () => {
    await append('a');
    clock.timeMs = () => Date.parse('2027-06-01T00:00:00Z');
    clock.highWaterMs = -Infinity;
    await usage.follow();
    expect(characters(clock.timeMs())).toBe(0);
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
    const other = new MemoryAppendLog(restored);
    await appendUsage(other, { id: 'a', keyId: 'alice', at: '2026-11-10T00:00:00.000Z', characters: 10 });
    Object.assign(server, { records: restored.records, lastSequence: restored.lastSequence });
    await usage.follow();
    expect([characters(), said('counted anew')]).toEqual([10, 1]);
  });
});
