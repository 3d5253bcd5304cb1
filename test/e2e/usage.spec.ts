import { UsageTotals } from '@app/licensing';
import type { UsageRecord } from '@app/protocol';
import { generation, samplesOfEvents, TtsClient } from '../../tools/client/tts-client';
import { RunningStack } from '../support/running-stack';
import { until } from '../support/until';
import { UsageStream } from '../support/usage-stream';

const seconds = 1_000;
/** Each has a length of its own, by which its record is known. */
const textOf = (index: number): string => `This is the sentence with the number ${'x'.repeat(index + 1)}.`;
const longText = 'It was a long road, and nobody knew where it went. '.repeat(40);

describe('usage records of a gateway that is killed', () => {
  let stack: RunningStack;
  let usage: UsageStream;

  beforeAll(async () => {
    stack = await RunningStack.start();
    usage = await UsageStream.open(stack.nats);
  }, 120 * seconds);
  afterAll(async () => {
    await usage?.close();
    await stack?.stop();
  }, 60 * seconds);

  const recordsOf = (records: readonly UsageRecord[], text: string): UsageRecord[] =>
    records.filter(({ characters }) => characters === text.length);

  it(
    'are there once for each context whose end its client was told, to the character and to the sample',
    async () => {
      const samples = new Map<string, number>();
      const speak = async (client: TtsClient, indexes: readonly number[]): Promise<void> => {
        const all = indexes.map(async (index) => {
          const events = await client.speak(`context-${index}`, textOf(index));
          samples.set(textOf(index), samplesOfEvents(events).length);
        });
        await Promise.all(all);
      };
      const client = await TtsClient.open(stack.target);
      client.send('cut', { ...generation(), transcript: longText, continue: false });
      await client.until('cut', ({ type }) => type === 'chunk');
      await speak(client, [0, 1, 2, 3]);
      // The last end was told within the time in which records are gathered, so its record is in the spool.
      const restarted = stack.says('gateway is back');
      stack.kill('gateway');
      await client.closed;
      expect(client.eventsOf('cut').some(({ event }) => event.done)).toBe(false);
      await restarted;

      const second = await TtsClient.open(stack.target);
      await speak(second, [4, 5]);
      second.close();
      await until(async () => (await stack.metric('gateway', 'antiphon_usage_spooled_records')) === 0);
      const told = [...samples.keys()];
      await until(async () => (await usage.records()).length >= told.length, { withinMs: 30 * seconds });

      const records = await usage.records();
      expect(records).toHaveLength(told.length);
      for (const text of told) {
        const audioSamples = samples.get(text);
        expect(recordsOf(records, text)).toMatchObject([{ kind: 'tts', outcome: 'done', audioSamples }]);
      }
      const totals = new UsageTotals();
      for (const record of records) totals.add(record);
      expect(totals.duplicates).toBe(0);
    },
    120 * seconds,
  );
});
