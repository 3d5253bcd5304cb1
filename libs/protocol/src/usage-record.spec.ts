import { readUsageRecord, usageBytes, type UsageRecord } from './usage-record';

const record: UsageRecord = {
  id: 'context-1',
  at: '2026-11-29T09:30:00.000Z',
  requestId: 'r1',
  keyId: 'alice',
  kind: 'tts',
  model: 'piper',
  voice: 'piper-joe',
  characters: 12,
  audioSamples: 22_050,
  sampleRateHz: 22_050,
  outcome: 'done',
};
const with_ = (change: object): UsageRecord => ({ ...record, ...change });

describe('a usage record', () => {
  it('is one line of JSON, and is read as it was written', () => {
    expect(Buffer.from(usageBytes(record)).toString('utf8')).toBe(JSON.stringify(record));
    expect(readUsageRecord(usageBytes(record))).toEqual(record);
    const { voice: _, ...withoutVoice } = record;
    expect(readUsageRecord(usageBytes(withoutVoice))).toEqual(withoutVoice);
  });

  it.each([
    ['a field that it does not have, a text for one', { text: 'Hello.' }],
    ['a time that is not UTC', { at: '2026-11-29T09:30:00.000+01:00' }],
    ['a day that is none', { at: '2026-02-30T09:30:00.000Z' }],
    ['a negative number of characters', { characters: -1 }],
    ['a part of a sample', { audioSamples: 0.5 }],
    ['no sample rate', { sampleRateHz: 0 }],
    ['a model with white space', { model: 'a b' }],
    ['an outcome that ends nothing', { outcome: 'partial' }],
  ])('is refused with %s', (_, change) => {
    expect(() => usageBytes(with_(change))).toThrow('bad_request');
  });

  it.each(['', '[]', '{"id":'])('is not read from %p', (text) => {
    expect(() => readUsageRecord(Buffer.from(text))).toThrow('bad_request');
  });
});
