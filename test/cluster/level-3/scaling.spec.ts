import { join } from 'node:path';
import { parseMetrics, sumOf } from '../../../tools/client/prometheus';
import { samplesOfEvents, TtsClient, type TimedEvent } from '../../../tools/client/tts-client';
import { describeInNamespace } from '../support/namespace';
import { eventually } from './support/eventually';
import { jobsOnTheBus } from './support/nats';
import { outputFolder } from './support/output';
import type { PodProcess } from './support/pod-process';
import { SpeechSystem } from './support/speech-system';
import { publishWakeReport, wakeReport } from './support/wake-report';

const seconds = 1_000;

/** In place of production's, so that a test of minutes sees what takes an hour there. */
const modelLoadSeconds = 20;
const autoscaling = {
  pollingIntervalSeconds: 2,
  cooldownSeconds: 10,
  initialCooldownSeconds: modelLoadSeconds + 1,
  scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 25, periodSeconds: 1 }] },
  scaleDown: { stabilizationWindowSeconds: 1, policies: [{ type: 'Pods', value: 25, periodSeconds: 1 }] },
};

/** How long a job may wait and a test may take: how fast the machine is decides nothing. */
const patience = 480 * seconds;

/** Each GPU node holds one worker: more real processes than this would only share the same two cores. */
const gpuNodes = 3;
const deployment = 'worker-tts-piper';
const seats = 8;

const sentence = 'The harbour was quiet when the last boat came in.';
const long =
  'Nobody had expected it before the morning, and the men who stood on the wall and looked out over the grey water said ' +
  'very little, for the wind was cold and they had been there since before it was light without anything to eat.';

describeInNamespace('workers on a real control plane with KEDA', () => {
  let system: SpeechSystem;
  let reference: Buffer;

  beforeAll(async () => {
    system = await SpeechSystem.start(outputFolder('scaling'), {
      nodes: [
        { name: 'cpu-1', gpu: false },
        ...Array.from({ length: gpuNodes }, (_, index) => ({ name: `gpu-${index + 1}`, gpu: true })),
      ],
      overlay: {
        gateway: { waitBudgetMs: patience },
        workers: { autoscaling, modelLoadSeconds },
      },
    });
  }, 180 * seconds);

  afterEach(() => expect(system?.runner.failures).toEqual([]));

  afterAll(() => system?.stop(), 60 * seconds);

  it(
    'go to zero when nobody has spoken since the installation',
    async () => {
      await untilZero(system);
      expect(await system.pods(deployment)).toEqual([]);
    },
    patience,
  );

  it(
    'wake for a request, which is answered',
    async () => {
      const known = new Set(system.runner.pods.keys());
      const client = await TtsClient.open(system.target);
      const requestAtMs = performance.now();
      const events = await client.speak('first', sentence, { seed: 7 });
      client.close();
      expectWhole(events);
      reference = bytesOf(events);
      expect(reference.length).toBeGreaterThan(0);

      const wanted = await system.scale.until(deployment, (replicas) => replicas > 0, {
        sinceMs: requestAtMs,
        timeoutMs: 0,
      });
      const woken = workers(system).filter(({ name }) => !known.has(name));
      expect(woken).toHaveLength(1);
      const firstAudioAtMs = events.find(({ event }) => event.type === 'chunk')?.atMs ?? NaN;
      const report = wakeReport(
        { requestAtMs, wantedAtMs: wanted.atMs, firstAudioAtMs },
        (woken[0] as PodProcess).times,
      );
      for (const partMs of Object.values(report)) expect(partMs).toBeGreaterThanOrEqual(0);
      publishWakeReport(report, autoscaling.pollingIntervalSeconds, join(system.folder, 'wake.json'));
    },
    patience,
  );

  it(
    'come in the number that 60 requests at zero want, and answer each of them once and whole',
    async () => {
      await untilZero(system);
      const sinceMs = performance.now();
      const answers = await speakAll(
        system,
        Array.from({ length: 60 }, () => sentence),
      );
      for (const events of answers) {
        expectWhole(events);
        expect(bytesOf(events).equals(reference)).toBe(true);
      }
      expect(system.scale.mostSince(deployment, sinceMs)).toBe(Math.ceil(60 / seats));
      const worked = workers(system).filter(({ times }) => (times.readyAtMs ?? 0) > sinceMs);
      expect(worked.length).toBeGreaterThanOrEqual(gpuNodes);
      expect(await jobsOnTheBus()).toBe(0);
    },
    patience,
  );

  it(
    'end without cutting what they are speaking when fewer are wanted',
    async () => {
      const client = await TtsClient.open(system.target);
      const longReference = bytesOf(await client.speak('reference', long, { seed: 7 }));
      client.close();
      const cutShort: PodProcess[] = [];
      for (let round = 0; cutShort.length === 0 && round < 3; round += 1) {
        const sinceMs = performance.now();
        const answers = await speakAll(
          system,
          Array.from({ length: 24 }, (_, index) => (index % 3 === 0 ? long : sentence)),
        );
        answers.forEach((events, index) => {
          expectWhole(events);
          expect(bytesOf(events).equals(index % 3 === 0 ? longReference : reference)).toBe(true);
        });
        cutShort.push(...workers(system).filter((pod) => wasBusyAtItsEnd(pod, sinceMs)));
      }
      expect(cutShort.length).toBeGreaterThan(0);
      for (const { times } of cutShort) expect(times.end).toBe('ended with code 0');
      expect(await jobsOnTheBus()).toBe(0);
    },
    patience,
  );

  it(
    'go back to zero when all is said, each by its own end',
    async () => {
      await untilZero(system);
      expect(await system.pods(deployment)).toEqual([]);
      for (const { times } of workers(system)) expect(times.end).toBe('ended with code 0');
    },
    patience,
  );
});

/** Every worker there ever was. */
const workers = (system: SpeechSystem): PodProcess[] =>
  [...system.runner.pods.values()].filter(({ name }) => name.startsWith(deployment));

/** Resolves when no replica is wanted and the last pod is gone. */
async function untilZero(system: SpeechSystem): Promise<void> {
  await system.scale.until(deployment, (replicas) => replicas === 0, {
    sinceMs: performance.now(),
    timeoutMs: patience,
  });
  await eventually(async () => (await system.pods(deployment)).length === 0, patience);
}

/** Speaks every text at once, over a few sockets. */
async function speakAll(system: SpeechSystem, texts: readonly string[]): Promise<(readonly TimedEvent[])[]> {
  const clients = await Promise.all(Array.from({ length: 6 }, () => TtsClient.open(system.target)));
  const answers = await Promise.all(
    texts.map((text, index) =>
      (clients[index % clients.length] as TtsClient).speak(`context-${index}`, text, { seed: 7 }),
    ),
  );
  for (const client of clients) client.close();
  return answers;
}

/** One end and no more, and a good one. */
function expectWhole(events: readonly TimedEvent[]): void {
  const ends = events.filter(({ event }) => event.done);
  expect(ends.map(({ event }) => [event.type, event.message])).toEqual([['done', undefined]]);
}

const bytesOf = (events: readonly TimedEvent[]): Buffer => Buffer.from(samplesOfEvents(events).buffer);

function wasBusyAtItsEnd({ times }: PodProcess, sinceMs: number): boolean {
  const { toldToStopAtMs = 0, lastMetrics = '' } = times;
  return toldToStopAtMs > sinceMs && sumOf(parseMetrics(lastMetrics), 'antiphon_busy_seats') > 0;
}
