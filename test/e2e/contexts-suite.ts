import { availableParallelism } from 'node:os';
import { generation, samplesOfEvents, TtsClient, type TimedEvent } from '../../tools/client/tts-client';
import type { RunningStack } from '../support/running-stack';
import { until } from '../support/until';

const seconds = 1_000;
const longText = 'A wind had come up from the sea, and it shook the shutters of every house along the quay. '.repeat(
  12,
);
const sentence =
  'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.';

/** The promised bound, and room for a busy machine. */
const cancelBoundMs = 200;

/** What a client is promised of a context, on a stack with its defaults on which nothing else runs. */
export function describeContexts(stack: () => RunningStack): void {
  describe('a context of the TTS socket', () => {
    let client: TtsClient;

    beforeEach(async () => {
      client = await TtsClient.open(stack().target);
    });
    afterEach(() => client.close());

    const cancelled = () => stack().metric('gateway', 'antiphon_terminal_events_total', { outcome: 'cancelled' });
    const terminals = (events: readonly TimedEvent[]): TimedEvent[] => events.filter(({ event }) => event.done);

    it(
      'sends nothing 200 ms after a cancel, frees its seat and takes no further step',
      async () => {
        const cancelledBefore = await cancelled();
        const begin = await requestedSteps(stack());
        await client.speak('before', sentence, { seed: 7 });
        const ofSentence = (await requestedSteps(stack())) - begin;
        expect(ofSentence).toBeGreaterThan(0);

        client.send('c', { ...generation(), transcript: longText, continue: false });
        await client.until('c', ({ type }) => type === 'chunk');
        client.send('c', { cancel: true });
        const cancelledAtMs = performance.now();
        await client.until('c', ({ done }) => done);
        await until(async () => (await stack().metric('tts-1', 'antiphon_busy_seats')) === 0);
        const steps = await requestedSteps(stack());
        // Steps that were wrongly left in the queue would run before those of the next context.
        await client.speak('after', sentence, { seed: 7 });
        // Each engine process may finish the step that it was in; by default there is one for each core.
        const stepsInFlight = availableParallelism();
        expect((await requestedSteps(stack())) - steps).toBeLessThanOrEqual(ofSentence + stepsInFlight);
        const events = client.eventsOf('c');
        expect(events.filter(({ atMs }) => atMs > cancelledAtMs + cancelBoundMs)).toEqual([]);
        expect(terminals(events)).toHaveLength(1);
        expect((await cancelled()) - cancelledBefore).toBe(1);
      },
      30 * seconds,
    );

    it(
      'gives the same bytes for the same seed, alone and among eight',
      async () => {
        const alone = samplesOfEvents(await client.speak('alone', sentence, { seed: 7 }));
        const others = Array.from({ length: 7 }, (_, index) =>
          client.speak(`other-${index}`, longText.slice(index * 20, 400), { seed: index }),
        );
        const amongEight = samplesOfEvents(await client.speak('among', sentence, { seed: 7 }));
        await Promise.all(others);
        expect(alone.length).toBeGreaterThan(0);
        expect(Buffer.from(amongEight.buffer).equals(Buffer.from(alone.buffer))).toBe(true);
        const otherSeed = samplesOfEvents(await client.speak('seed', sentence, { seed: 8 }));
        expect(Buffer.from(otherSeed.buffer).equals(Buffer.from(alone.buffer))).toBe(false);
      },
      60 * seconds,
    );

    it(
      'ends in exactly one terminal event each when many run at once',
      async () => {
        const ids = Array.from({ length: 16 }, (_, index) => `many-${index}`);
        await Promise.all(ids.map((id) => client.speak(id, sentence)));
        for (const id of ids) {
          expect(terminals(client.eventsOf(id))).toHaveLength(1);
          expect(client.eventsOf(id).at(-1)?.event).toMatchObject({ type: 'done' });
        }
      },
      60 * seconds,
    );
  });
}

/** Steps that contexts have taken, those of a batch counted one by one. */
const requestedSteps = (stack: RunningStack): Promise<number> => stack.metric('tts-1', 'antiphon_step_requests_sum');
