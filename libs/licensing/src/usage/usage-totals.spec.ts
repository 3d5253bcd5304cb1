import * as fc from 'fast-check';
import type { UsageRecord } from '@app/protocol';
import { usageCsv, usageTable } from './usage-text';
import { UsageTotals } from './usage-totals';

const record = (change: Partial<UsageRecord>): UsageRecord => ({
  id: 'a',
  at: '2026-11-29T09:30:00.000Z',
  requestId: 'r1',
  keyId: 'alice',
  kind: 'tts',
  model: 'piper',
  characters: 12,
  audioSamples: 22_050,
  sampleRateHz: 22_050,
  outcome: 'done',
  ...change,
});

function totalsOf(records: readonly UsageRecord[]): UsageTotals {
  const totals = new UsageTotals();
  for (const one of records) totals.add(one);
  return totals;
}

const records = [
  record({ id: 'a' }),
  record({ id: 'b', audioSamples: 24_000, sampleRateHz: 48_000, model: 'kokoro' }),
  record({
    id: 'c',
    keyId: 'bob',
    kind: 'stt',
    model: 'whisper',
    characters: 0,
    audioSamples: 8_000,
    sampleRateHz: 16_000,
  }),
  record({ id: 'd', at: '2026-12-01T00:00:00.000Z' }),
];

describe('usage totals', () => {
  it('have a row for each month, key and job kind', () => {
    expect(totalsOf(records).rows('key')).toEqual([
      { month: '2026-11', name: 'alice', kind: 'tts', requests: 2, characters: 24, audioSeconds: 1.5 },
      { month: '2026-11', name: 'bob', kind: 'stt', requests: 1, characters: 0, audioSeconds: 0.5 },
      { month: '2026-12', name: 'alice', kind: 'tts', requests: 1, characters: 12, audioSeconds: 1 },
    ]);
  });

  it('are by model, and of one month', () => {
    const rows = totalsOf(records).rows('model', '2026-11');
    expect(rows.map(({ name, requests }) => [name, requests])).toEqual([
      ['kokoro', 1],
      ['piper', 1],
      ['whisper', 1],
    ]);
  });

  it('count a record once, however often and in whatever order it comes', () => {
    const numbers = fc.record({ characters: fc.nat(), audioSamples: fc.nat(), month: fc.integer({ min: 1, max: 12 }) });
    const distinct = fc
      .array(numbers, { maxLength: 30 })
      .map((all) =>
        all.map(({ month, ...one }, index) =>
          record({ ...one, id: `job-${index}`, at: `2026-${String(month).padStart(2, '0')}-15T00:00:00.000Z` }),
        ),
      );
    const withCopies = distinct.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
    );
    fc.assert(
      fc.property(withCopies, ([all, copies]) => {
        const totals = totalsOf(copies);
        expect(totals.rows('key')).toEqual(totalsOf(all).rows('key'));
        expect([totals.records, totals.duplicates]).toEqual([all.length, all.length]);
      }),
    );
  });

  it('lose no sample to rounding', () => {
    const thirds = Array.from({ length: 48_000 }, (_, index) =>
      record({ id: `job-${index}`, audioSamples: 1, sampleRateHz: 48_000 }),
    );
    expect(totalsOf(thirds).rows('key')[0]?.audioSeconds).toBe(1);
  });
});

describe('totals that go on over many months', () => {
  it('are the same if they go on from the sums of an earlier process', () => {
    const [first, second] = [totalsOf(records.slice(0, 2)), new UsageTotals()];
    for (const sum of first.sums()) second.addSum(sum);
    for (const one of records.slice(2)) second.add(one);
    expect(second.sums()).toEqual(totalsOf(records).sums());
    expect(second.rows('key')).toEqual(totalsOf(records).rows('key'));
  });

  it('count no copy of a record that an earlier process counted, if they know its id', () => {
    const totals = new UsageTotals();
    totals.remember('a');
    expect([totals.add(record({ id: 'a' })), totals.add(record({ id: 'b' }))]).toEqual([false, true]);
  });

  it('recognise a copy among the latest ids, as many as they keep, and none that is much older', () => {
    const totals = new UsageTotals(3);
    const isNew = (id: string): boolean => totals.add(record({ id }));
    for (let index = 0; index < 20; index++) {
      expect(isNew(`job-${index}`)).toBe(true);
      for (const ago of [0, 1, 2]) if (index >= ago) expect(isNew(`job-${index - ago}`)).toBe(false);
    }
    expect(isNew('job-0')).toBe(true);
  });

  it('forget earlier months', () => {
    const totals = totalsOf(records);
    totals.dropBefore('2026-12');
    expect(totals.rows('key').map(({ month }) => month)).toEqual(['2026-12']);
  });
});

describe('the texts of totals', () => {
  const rows = totalsOf(records).rows('key', '2026-11');

  it('are a table with numbers to the right', () => {
    expect(usageTable(rows, 'key').split('\n')).toEqual([
      'month    key    kind  requests  characters  audio_seconds',
      '2026-11  alice  tts          2          24          1.500',
      '2026-11  bob    stt          1           0          0.500',
    ]);
  });

  it('are CSV with a header, and a header alone where nothing was used', () => {
    expect(usageCsv(rows, 'key')).toBe(
      'month,key,kind,requests,characters,audio_seconds\r\n' +
        '2026-11,alice,tts,2,24,1.500\r\n2026-11,bob,stt,1,0,0.500\r\n',
    );
    expect(usageCsv([], 'model')).toBe('month,model,kind,requests,characters,audio_seconds\r\n');
  });
});
