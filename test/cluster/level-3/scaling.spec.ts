import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { functionOf } from '@app/protocol';
import { finalText, transcribeStream } from '../../../tools/client/stt-client';
import { readTwoCities, twoCitiesText } from '../../support/two-cities';
import { until } from '../../support/until';
import { wordErrorRate } from '../../support/word-error-rate';
import { describeInNamespace } from '../support/namespace';
import { jobsOnTheBus } from './support/nats';
import { outputFolder } from './support/output';
import { podPath } from './support/pod';
import type { PodProcess } from './support/pod-process';
import { onceAndWhole, speakAll, wasBusyAtItsEnd, type Spoken } from './support/speaking';
import { namespace, SpeechSystem } from './support/speech-system';
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
const speakers = 'worker-tts-piper';
const listeners = 'worker-stt-whisper-tiny-en';

/** Short enough to be one job. */
const sentence = 'The last boat came in before nightfall.';
const long =
  'Nobody had expected it before the morning, and the men who stood on the wall and looked out over the grey water said ' +
  'very little, for the wind was cold and they had been there since before it was light without anything to eat.';

describeInNamespace('workers on a real control plane with KEDA', () => {
  let system: SpeechSystem;
  let sentenceAudio: Buffer;

  beforeAll(async () => {
    system = await SpeechSystem.start(outputFolder('scaling'), {
      nodes: [
        { name: 'cpu-1', gpu: false },
        ...Array.from({ length: gpuNodes }, (_, index) => ({ name: `gpu-${index + 1}`, gpu: true })),
      ],
      overlay: {
        knative: { maxRequestSeconds: 15_000 },
        gateway: { waitBudgetMs: patience },
        workers: { autoscaling, modelLoadSeconds },
      },
    });
  }, patience);

  afterEach(() => expect(system?.runner.failures).toEqual([]));

  afterAll(() => system?.stop(), 60 * seconds);

  it(
    'go to zero when nobody has spoken since the installation',
    async () => {
      await system.untilZero(speakers, patience);
      await system.untilZero(listeners, patience);
    },
    patience,
  );

  it(
    'wake for a request, which is answered',
    async () => {
      const known = system.workers(speakers);
      const requestAtMs = performance.now();
      const [answer] = await speakAll(system.target, [sentence]);
      expect(answer?.ends).toEqual(onceAndWhole);
      sentenceAudio = answer?.audio ?? Buffer.alloc(0);
      expect(sentenceAudio.length).toBeGreaterThan(0);

      const isAny = (replicas: number): boolean => replicas > 0;
      const wanted = await system.scale.until(speakers, isAny, { sinceMs: requestAtMs, timeoutMs: 0 });
      const woken = system.workers(speakers).filter((worker) => !known.includes(worker));
      expect(woken).toHaveLength(1);
      const moments = { requestAtMs, wantedAtMs: wanted.atMs, firstAudioAtMs: answer?.firstAudioAtMs ?? NaN };
      const report = wakeReport(moments, (woken[0] as PodProcess).times);
      for (const partMs of Object.values(report)) expect(partMs).toBeGreaterThanOrEqual(0);
      publishWakeReport(report, autoscaling.pollingIntervalSeconds, join(system.folder, 'wake.json'));
    },
    patience,
  );

  it(
    'come in the number that 60 requests at zero want, and answer each of them once and whole',
    async () => {
      await system.untilZero(speakers, patience);
      const sinceMs = performance.now();
      const answers = await speakAll(
        system.target,
        Array.from({ length: 60 }, () => sentence),
      );
      for (const { ends, audio } of answers) {
        expect(ends).toEqual(onceAndWhole);
        expect(audio.equals(sentenceAudio)).toBe(true);
      }
      expect(system.scale.mostSince(speakers, sinceMs)).toBe(Math.ceil(60 / functionOf('tts').seats));
      const worked = system.workers(speakers).filter(({ times }) => (times.readyAtMs ?? 0) > sinceMs);
      expect(worked.length).toBeGreaterThanOrEqual(gpuNodes);
      expect(await jobsOnTheBus()).toBe(0);
    },
    patience,
  );

  it(
    'end without cutting what they are speaking when fewer are wanted',
    async () => {
      const [reference] = await speakAll(system.target, [long]);
      const busy: PodProcess[] = [];
      // Which worker goes is for Kubernetes to say, and it may choose an idle one.
      for (let round = 0; busy.length === 0 && round < 5; round += 1) {
        const sinceMs = performance.now();
        const texts = Array.from({ length: 24 }, (_, index) => (index % 3 === 0 ? long : sentence));
        const answers = await speakAll(system.target, texts);
        answers.forEach(({ ends, audio }, index) => {
          expect(ends).toEqual(onceAndWhole);
          expect(audio.equals(index % 3 === 0 ? (reference?.audio ?? audio) : sentenceAudio)).toBe(true);
        });
        busy.push(...system.workers(speakers).filter((worker) => wasBusyAtItsEnd(worker, sinceMs)));
      }
      expect(busy.length).toBeGreaterThan(0);
      await until(() => busy.every(({ times }) => times.end !== undefined), { withinMs: patience });
      expect(busy.map(({ times }) => times.end)).toEqual(busy.map(() => 'ended with code 0'));
      expect(await jobsOnTheBus()).toBe(0);
    },
    patience,
  );

  it(
    'hand a conversation over when their pod is deleted, as when a node is drained',
    async () => {
      const { samples, sampleRateHz } = readTwoCities();
      const sinceMs = performance.now();
      const conversation = transcribeStream(system.target, samples, sampleRateHz);
      const speaking = until(async () => (await system.busySeats(listeners)) > 0, { withinMs: patience });
      await Promise.race([speaking, conversation]);
      // Some finals must have been given by then, and some must be left to give.
      await delay((samples.length / sampleRateHz / 3) * seconds);
      const [pod] = await system.pods(listeners);
      expect(pod).toBeDefined();
      if (pod) await system.api.delete(podPath(pod));

      const run = await conversation;
      expect(run.closeCode).toBe(1000);
      expect(wordErrorRate(twoCitiesText, finalText(run)).rate).toBeLessThan(0.15);
      expect(system.workers(listeners).filter((worker) => wasBusyAtItsEnd(worker, sinceMs))).toHaveLength(1);
    },
    patience,
  );

  it(
    'wake also when a server of the bus was lost',
    async () => {
      await system.untilZero(speakers, patience);
      const [lost] = await system.pods('nats');
      if (!lost) throw new Error('NATS has no pods');
      await system.api.delete(podPath(lost), 0);
      // While the others choose new leaders a request may be refused, and may be made again.
      const answers: Spoken[] = [];
      const isAnswered = async (): Promise<boolean> => {
        answers.push(...(await speakAll(system.target, [sentence])));
        return answers.at(-1)?.ends[0]?.[0] !== 'error';
      };
      await until(isAnswered, { withinMs: patience, everyMs: 1 * seconds });
      expect(answers.at(-1)?.ends).toEqual(onceAndWhole);
      expect(answers.at(-1)?.audio.equals(sentenceAudio)).toBe(true);
      for (const { audio } of answers.slice(0, -1)) expect(audio).toHaveLength(0);
    },
    patience,
  );

  it('are refused to a second ScaledObject by KEDA', async () => {
    const collection = `/apis/keda.sh/v1alpha1/namespaces/${namespace}/scaledobjects`;
    const { apiVersion, kind, spec } = await system.api.get<Record<string, object>>(`${collection}/${speakers}`);
    const second = { apiVersion, kind, metadata: { name: 'second' }, spec };
    await expect(system.api.create(collection, second)).rejects.toThrow(/already managed by/);
  });

  it(
    'go back to zero when all is said, each by its own end',
    async () => {
      for (const deployment of [speakers, listeners]) {
        await system.untilZero(deployment, patience);
        const ends = system.workers(deployment).map(({ times }) => times.end);
        expect(new Set(ends)).toEqual(new Set(['ended with code 0']));
      }
    },
    patience,
  );
});
