import { setTimeout as delay } from 'node:timers/promises';
import { finalText, transcribeStream } from '../../../tools/client/stt-client';
import { scrape, sumOf } from '../../../tools/client/prometheus';
import { generation, samplesOfEvents, TtsClient, type Target, type TimedEvent } from '../../../tools/client/tts-client';
import { wordErrorRate } from '../../support/word-error-rate';
import { until } from '../../support/until';
import type { KnativePod } from './support/knative-pod';
import type { Neighbourhood, PodOptions } from './support/neighbourhood';
import { averageConcurrency } from './support/queue-stats';
import { record, type Recording } from './support/recording';
import { sameSamples } from './support/rest-client';
import { HeldStream } from './support/stt-sessions';

const seconds = 1_000;
const sentence = 'The harbour was quiet when the last boat came in.';
const story = Array.from({ length: 12 }, () => sentence).join(' ');

/** All jobs go by request; there is no worker that pulls. */
const byRequest = ['workers.enabled=false'];

/** Requests that queue-proxy keeps waiting for each one that it lets through. */
const queueDepth = 10;

/** What stands around the pods of these tests. */
interface Scene {
  readonly near: () => Neighbourhood;
  readonly gateway: () => KnativePod;
  readonly target: () => Target;
  readonly recording: () => Recording;
  /** The same story each time. */
  readonly story: () => Float32Array;
}

/** Jobs by request: a gateway, and `inference serve` behind queue-proxy. */
export function describeInference(near: () => Neighbourhood): void {
  let gateway: KnativePod;
  let target: Target;
  let recording: Recording;
  let spoken: Float32Array;
  let first: KnativePod;

  beforeAll(async () => {
    // Time enough for a job that waits while others have the seats.
    const values = [...byRequest, 'gateway.waitBudgetMs=240000'];
    gateway = await near().readyPod('gateway', { values });
    target = near().target(gateway);
  }, 60 * seconds);

  it(
    'wakes for a job while no worker and no pod is there, and speaks and hears through the pod that came',
    async () => {
      const spoke = speak(target, story);
      await until(() => Promise.resolve(near().inference.openRequests() > 0));
      first = await inferencePod(near());
      near().inference.add(first.url);
      spoken = samplesOfEvents(await spoke);
      expect(spoken.length).toBeGreaterThan(0);
      recording = await record(target);
      const heard = await transcribeStream(target, recording.samples, recording.sampleRateHz, 4);
      expect(wordErrorRate(recording.text, finalText(heard)).rate).toBeLessThan(0.1);
      expect(await jobsOf(first, 'done')).toBeGreaterThan(1);
    },
    180 * seconds,
  );

  const scene: Scene = {
    near,
    gateway: () => gateway,
    target: () => target,
    recording: () => recording,
    story: () => spoken,
  };
  describeSeats(scene);
  describeLostPods(scene, () => first);

  it(
    'has a gateway that is not ready while the bus is away, and ready again when it is back',
    async () => {
      await near().stopNats();
      await until(async () => !(await gateway.probe('readiness')));
      expect(await gateway.probe('liveness')).toBe(true);
      await near().startNats();
      await until(() => gateway.probe('readiness'));
    },
    90 * seconds,
  );
}

function describeSeats({ near, gateway, target, recording }: Scene): void {
  it(
    'runs as many jobs as there are seats, keeps ten times as many waiting, and is offered the others again',
    async () => {
      const alone = ['tts-piper', 'speech-activity-builtin'].map((lane) => `global.lanes.${lane}.enabled=false`);
      const one = [...alone, 'global.lanes.stt-whisper-tiny-en.seats=1'];
      const pod = await inferencePod(near(), { values: [...byRequest, ...one] });
      moveTo(near(), pod);
      const holder = await HeldStream.open(target(), recording());
      await until(async () => (await busySeats(pod)) === 1);
      const short = recording().samples.subarray(0, 4 * recording().sampleRateHz);
      const others = Array.from({ length: queueDepth + 2 }, () =>
        transcribeStream(target(), short, recording().sampleRateHz, 20),
      );
      await until(async () => (await averageConcurrency(pod.statsUrl)) > queueDepth + 0.9);
      await delay(2 * seconds);
      expect(await busySeats(pod)).toBe(1);
      expect(await averageConcurrency(pod.statsUrl)).toBeLessThan(queueDepth + 2.5);
      expect(gateway().lastLines(200)).toContain('status 503');
      expect(await holder.release()).toBe(1000);
      const texts = (await Promise.all(others)).map(finalText);
      expect(texts).toHaveLength(queueDepth + 2);
      for (const text of texts) expect(text).toContain('boat');
      pod.kill();
    },
    240 * seconds,
  );
}

function describeLostPods({ near, target, recording, story: whole }: Scene, first: () => KnativePod): void {
  it(
    'goes on in another pod when one is killed in the middle of speech: the same bytes, one end',
    async () => {
      const other = await inferencePod(near());
      moveTo(near(), first());
      const client = await TtsClient.open(target());
      client.send('story', { ...generation(), transcript: story, seed: 7 });
      const hearing = transcribeStream(target(), recording().samples, recording().sampleRateHz);
      await client.until('story', ({ type }) => type === 'chunk');
      await until(async () => (await busySeats(first())) > 0);
      moveTo(near(), other);
      first().kill();
      expectStory(await client.until('story', ({ done }) => done), whole());
      client.close();
      const heard = await hearing;
      expect(heard.closeCode).toBe(1000);
      expect(wordErrorRate(recording().text, finalText(heard)).rate).toBeLessThan(0.1);
      other.kill();
    },
    180 * seconds,
  );

  it(
    'hands over when a pod is told to stop: the client of a stream notices nothing',
    async () => {
      const [stopping, other] = await Promise.all([inferencePod(near()), inferencePod(near())]);
      moveTo(near(), stopping);
      const long = await record(target(), { seconds: 45 });
      const hearing = transcribeStream(target(), long.samples, long.sampleRateHz);
      await until(async () => (await busySeats(stopping)) === 1);
      moveTo(near(), other);
      const end = await stopping.stop();
      expect(end).toMatchObject({ app: 'ended with code 0', queueProxy: 'ended with code 0' });
      expect(await busySeats(other)).toBe(1);
      const heard = await hearing;
      expect(heard.closeCode).toBe(1000);
      expect(wordErrorRate(long.text, finalText(heard)).rate).toBeLessThan(0.1);
      other.kill();
    },
    180 * seconds,
  );

  it(
    'loses no word when the time of a request is over before the stream is',
    async () => {
      const limited = await inferencePod(near(), {
        values: byRequest,
        change: (spec) => Object.assign(spec, { timeoutSeconds: 8 }),
      });
      moveTo(near(), limited);
      const long = await record(target(), { seconds: 20 });
      const heard = await transcribeStream(target(), long.samples, long.sampleRateHz);
      expect(await jobsOf(limited, 'handed_back')).toBeGreaterThan(0);
      expect(heard.closeCode).toBe(1000);
      expect(wordErrorRate(long.text, finalText(heard)).rate).toBeLessThan(0.1);
      limited.kill();
    },
    120 * seconds,
  );
}

const inferencePod = (near: Neighbourhood, options: PodOptions = { values: byRequest }): Promise<KnativePod> =>
  near.readyPod('inference', options);

async function speak(target: Target, text: string): Promise<readonly TimedEvent[]> {
  const client = await TtsClient.open(target);
  const events = await client.speak('story', text, { seed: 7 });
  client.close();
  return events;
}

function expectStory(events: readonly TimedEvent[], whole: Float32Array): void {
  expect(events.filter(({ event }) => event.done)).toHaveLength(1);
  expect(events.at(-1)?.event.type).toBe('done');
  expect(sameSamples(samplesOfEvents(events), whole)).toBe(true);
}

/** From now on this pod alone is ready; requests that another has stay there. */
function moveTo(near: Neighbourhood, pod: KnativePod): void {
  for (const url of near.inference.urls) near.inference.remove(url);
  near.inference.add(pod.url);
}

const metricsOf = (pod: KnativePod) => scrape(`http://${pod.address}:8080/metrics`);

const busySeats = async (pod: KnativePod): Promise<number> => sumOf(await metricsOf(pod), 'antiphon_busy_seats');

const jobsOf = async (pod: KnativePod, outcome: string): Promise<number> =>
  sumOf(await metricsOf(pod), 'antiphon_jobs_total', { outcome });
