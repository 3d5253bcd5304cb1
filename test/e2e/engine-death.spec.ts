import { finalText, transcribeStream } from '../../tools/client/stt-client';
import { generation, samplesOfEvents, TtsClient, type TimedEvent } from '../../tools/client/tts-client';
import { RunningStack } from '../support/running-stack';
import { readTwoCities } from '../support/two-cities';
import { until } from '../support/until';

const seconds = 1_000;
const text =
  'The garden had been left to itself for years, and nobody knew any longer where its paths had been. In the middle of it, ' +
  'under an old pear tree, there stood a bench, and on the bench lay a book that somebody had forgotten in the summer.';

/** Far longer than the test may take: a stuck engine is noticed by the usual time of its steps. */
const stepTimeoutMs = 600_000;

describe('an engine process that ends in the middle of its work', () => {
  let stack: RunningStack;
  let client: TtsClient;
  let reference: Float32Array;

  beforeAll(async () => {
    stack = await RunningStack.start({ workerEnv: { STEP_TIMEOUT_MS: String(stepTimeoutMs), ENGINES: '2' } });
    client = await TtsClient.open(stack.target);
    reference = samplesOfEvents(await client.speak('reference', text, { seed: 5 }));
  }, 120 * seconds);
  afterAll(async () => {
    client?.close();
    await stack?.stop();
  }, 60 * seconds);

  const restarts = (worker: string): Promise<number> => stack.metric(worker, 'antiphon_engine_restarts_total');

  /** Speaks in four contexts and does something to the worker once the first of them is heard. */
  const speakWhile = async (name: string, harm: () => void): Promise<(readonly TimedEvent[])[]> => {
    const spoken = [1, 2, 3].map((index) => client.speak(`${name}-${index}`, text, { seed: 5 }));
    client.send(name, { ...generation(), transcript: text, continue: false, seed: 5 });
    await client.until(name, ({ type }) => type === 'chunk');
    harm();
    return Promise.all([client.until(name, ({ done }) => done), ...spoken]);
  };
  const expectWhole = (events: readonly TimedEvent[]): void => {
    expect(events.at(-1)?.event).toMatchObject({ type: 'done' });
    const samples = samplesOfEvents(events);
    expect(samples.length).toBe(reference.length);
    expect(Buffer.from(samples.buffer).equals(Buffer.from(reference.buffer))).toBe(true);
  };

  it(
    'costs no context a sample when it was killed',
    async () => {
      const before = await restarts('tts-1');
      const all = await speakWhile('killed', () => process.kill(stack.childrenOf('tts-1')[0] ?? 0, 'SIGKILL'));
      all.forEach(expectWhole);
      expect(await restarts('tts-1')).toBe(before + 1);
      expect(stack.childrenOf('tts-1')).toHaveLength(2);
    },
    120 * seconds,
  );

  it(
    'costs no context a sample when it is stuck: it is killed and its work is done again',
    async () => {
      const before = await restarts('tts-1');
      const stuck = stack.childrenOf('tts-1');
      const all = await speakWhile('stuck', () => stuck.forEach((pid) => process.kill(pid, 'SIGSTOP')));
      all.forEach(expectWhole);
      expect(await restarts('tts-1')).toBe(before + stuck.length);
    },
    120 * seconds,
  );

  it(
    'costs none of eight contexts a sample when it was killed twice while they spoke',
    async () => {
      const before = await restarts('tts-1');
      const ids = Array.from({ length: 8 }, (_, index) => `eight-${index}`);
      const spoken = ids.map((id) => client.speak(id, text, { seed: 5 }));
      const chunksOf = (id: string): number => client.eventsOf(id).filter(({ event }) => event.type === 'chunk').length;
      const isDone = (id: string): boolean => client.eventsOf(id).some(({ event }) => event.done);
      await until(() => ids.filter((id) => chunksOf(id) > 0).length >= 4);
      process.kill(stack.childrenOf('tts-1')[0] ?? 0, 'SIGKILL');
      const chunks = ids.map(chunksOf);
      await until(async () => (await restarts('tts-1')) === before + 1 && stack.childrenOf('tts-1').length === 2);
      await until(() => ids.every((id, index) => isDone(id) || chunksOf(id) > (chunks[index] ?? 0)));
      process.kill(stack.childrenOf('tts-1')[0] ?? 0, 'SIGKILL');
      const all = await Promise.all(spoken);
      all.forEach(expectWhole);
      expect(await restarts('tts-1')).toBe(before + 2);
    },
    120 * seconds,
  );

  it(
    'costs an STT stream no word',
    async () => {
      const recognitions = (): Promise<number> =>
        stack.metric('stt-1', 'antiphon_step_requests_count', { operation: 'transcribe' });
      const { samples, sampleRateHz } = readTwoCities();
      const beginning = samples.subarray(0, 14 * sampleRateHz);
      const before = await recognitions();
      const undisturbed = finalText(await transcribeStream(stack.target, beginning, sampleRateHz, 4));
      const between = await recognitions();
      const disturbed = transcribeStream(stack.target, beginning, sampleRateHz, 2);
      // By then about half of the stream is heard.
      await until(async () => (await recognitions()) - between > (between - before) / 2);
      for (const pid of stack.childrenOf('stt-1')) process.kill(pid, 'SIGKILL');
      const { events, closeCode } = await disturbed;
      expect(closeCode).toBe(1000);
      expect(await restarts('stt-1')).toBe(2);
      expect(finalText({ events, closeCode, lastSampleAtMs: 0 })).toBe(undisturbed);
    },
    120 * seconds,
  );
});
