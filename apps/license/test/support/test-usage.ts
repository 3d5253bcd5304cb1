import { MemoryAppendLog, MemoryKeyValue, type AppendLog, type KeyValueStore } from '@app/broker';
import { Log } from '@app/platform';
import { usageBytes, type UsageRecord } from '@app/protocol';
import { MonthlyUsage } from '../../src/quota/monthly-usage';
import { UsageSnapshots } from '../../src/quota/usage-snapshots';
import type { ServiceStanding } from '../../src/service-standing';

/** What a test may choose. */
export interface TestUsage {
  readonly stream?: AppendLog;
  readonly store?: KeyValueStore;
  readonly log?: Log;
}

/** The usage of a license process. It reads the stream when `follow` is called. */
export function testUsage(clock: Pick<ServiceStanding, 'timeMs' | 'highWaterMs'>, given: TestUsage = {}): MonthlyUsage {
  const { stream = new MemoryAppendLog(), store = new MemoryKeyValue(), log = Log.create('license', 'silent') } = given;
  return new MonthlyUsage(stream, new UsageSnapshots(store, log), clock, log);
}

/** Appends a usage record, as a gateway does. */
export async function appendUsage(stream: AppendLog, change: Partial<UsageRecord> & { id: string }): Promise<void> {
  const record: UsageRecord = {
    at: '2026-06-01T12:00:00.000Z',
    requestId: 'req-1',
    keyId: 'plain',
    kind: 'tts',
    model: 'piper',
    characters: 10,
    audioSamples: 22_050,
    sampleRateHz: 22_050,
    outcome: 'done',
    ...change,
  };
  await stream.append(usageBytes(record), record.id);
}
