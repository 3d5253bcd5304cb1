import { samplesOfEvents, TtsClient } from '../../tools/client/tts-client';
import { RunningStack } from '../support/running-stack';
import { until } from '../support/until';

const seconds = 1_000;
const text =
  'The road ran straight across the plain, and for an hour they met no one. Then a cart came towards them, very slowly, ' +
  'and the old man who drove it lifted his hat. They asked him how far it was to the river, and he said that it was not far, ' +
  'but that the bridge had been carried away in the spring.';

/** A joining worker must have taken work by then. */
const joinBoundMs = 2 * seconds;

describe('a worker that dies under load', () => {
  let stack: RunningStack;

  beforeAll(async () => {
    stack = await RunningStack.start();
  }, 120 * seconds);
  afterAll(() => stack?.stop(), 60 * seconds);

  it(
    'loses no sample and repeats none: a second worker, which joined under load, goes on where it stopped',
    async () => {
      const client = await TtsClient.open(stack.target);
      const reference = samplesOfEvents(await client.speak('reference', text, { seed: 3 }));

      const ids = Array.from({ length: 8 }, (_, index) => `context-${index}`);
      const spoken = ids.map((id) => client.speak(id, text, { seed: 3 }));
      const extra = await stack.addWorker('tts');
      const joinedAtMs = performance.now();
      const more = Array.from({ length: 8 }, (_, index) => client.speak(`more-${index}`, text, { seed: 3 }));
      await untilBusy(stack, extra, joinedAtMs + joinBoundMs);
      stack.kill('tts-1');

      const all = await Promise.all([...spoken, ...more]);
      client.close();
      expect(all).toHaveLength(16);
      for (const events of all) {
        expect(events.at(-1)?.event).toMatchObject({ type: 'done' });
        const samples = samplesOfEvents(events);
        expect(samples.length).toBe(reference.length);
        expect(Buffer.from(samples.buffer).equals(Buffer.from(reference.buffer))).toBe(true);
      }
    },
    120 * seconds,
  );
});

/** Resolves when the worker has run a step; fails at the bound. */
async function untilBusy(stack: RunningStack, worker: string, untilMs: number): Promise<void> {
  const hasStepped = async (): Promise<boolean> => (await stack.metric(worker, 'antiphon_step_requests_count')) > 0;
  await until(hasStepped, { withinMs: untilMs - performance.now() });
}
