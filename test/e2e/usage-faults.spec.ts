import { UsageTotals } from '@app/licensing';
import type { UsageRecord } from '@app/protocol';
import { RunningStack } from '../support/running-stack';
import { SpeechLoad, type ToldRequest } from '../support/speech-load';
import { readTwoCities } from '../support/two-cities';
import { until } from '../support/until';
import { UsageStream } from '../support/usage-stream';

const seconds = 1_000;
const speakers = 2;

const lineOf = ({ kind, characters, audioSamples }: ToldRequest | UsageRecord): string =>
  `${kind}: ${characters} characters, ${audioSamples} samples`;

describe('usage records while processes are killed under load', () => {
  let stack: RunningStack;
  let usage: UsageStream;

  beforeAll(async () => {
    stack = await RunningStack.start({ licenseMode: 'connected' });
    usage = await UsageStream.open(stack.nats);
  }, 120 * seconds);
  afterAll(async () => {
    await usage?.close();
    await stack?.stop();
  }, 60 * seconds);

  const killed = async (part: string): Promise<void> => {
    const back = stack.says(`${part} is back`);
    stack.kill(part);
    await back;
  };

  it(
    'are what each client was told, to the character and to the sample: licence endpoint, license, NATS and gateway in turn',
    async () => {
      const load = new SpeechLoad(stack.target, readTwoCities());
      load.start(speakers);
      for (const part of ['license-endpoint', 'license', 'nats']) {
        await load.more(1);
        await killed(part);
      }
      await load.more(1);
      // No client is near the end of a request: else nobody could say whether it was told of it.
      await load.holdInLong();
      const back = killed('gateway');
      load.goOn();
      await back;
      await load.more(2);
      await load.stop();
      expect(load.refused).toEqual([]);

      await until(async () => (await stack.metric('gateway', 'antiphon_usage_spooled_records')) === 0);
      const records = await usage.records();
      expect(records.map(lineOf).sort()).toEqual(load.told.map(lineOf).sort());
      expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(records.length);
      const totals = new UsageTotals();
      for (const record of records) totals.add(record);
      expect(totals.duplicates).toBe(0);
    },
    120 * seconds,
  );
});
