import { setTimeout as delay } from 'node:timers/promises';
import { finalText, type SttRun } from '../../../tools/client/stt-client';
import { generation, samplesOfEvents, TtsClient, type Target, type TimedEvent } from '../../../tools/client/tts-client';
import { wordErrorRate } from '../../support/word-error-rate';
import type { KnativePod, PodEnd } from './support/knative-pod';
import type { Neighbourhood } from './support/neighbourhood';
import { record, type Recording } from './support/recording';
import { getJson, sameSamples } from './support/rest-client';
import { restartCode, transcribeOnward, uploadSlowly } from './support/stt-sessions';

const seconds = 1_000;
/** Queue-proxy stops taking requests when none has come for so long, and then lets the app be told. */
const quietMs = 30 * seconds;
/** Queue-proxy cuts sockets so long after that. */
const socketsCutMs = 60 * seconds;
const sentence = 'The harbour was quiet when the last boat came in.';
/** Paced as it is played, it is not at its end when the time is over. */
const endlessText = Array.from({ length: 1_000 }, () => sentence).join(' ');
const storyFields = { ...generation(), seed: 7 };

/** What happened to each client of the pod that was told to stop. */
interface Drained {
  readonly end: PodEnd;
  readonly isReadyAfter: boolean;
  readonly late: { readonly rest: number; readonly socket: readonly TimedEvent[] };
  readonly refused: { readonly proxy: unknown; readonly app: { status: number; body: unknown } };
  readonly quietCode: number;
  readonly story: { readonly events: readonly TimedEvent[]; readonly code: number };
  readonly endless: { readonly events: readonly TimedEvent[]; readonly code: number; readonly atMs: number };
  readonly heard: readonly SttRun[];
  readonly upload: { readonly status: number; readonly text: string };
}

/** A gateway pod that is told to stop with everything open, in the order in which a kubelet does it. */
export function describeDrain(near: () => Neighbourhood): void {
  describe('told to stop while everything is open', () => {
    let recording: Recording;
    let uploaded: Recording;
    let drained: Drained;
    let reference: Float32Array;

    beforeAll(async () => {
      const [stopping, other] = await Promise.all([near().readyPod('gateway'), near().readyPod('gateway')]);
      const targets = [near().target(stopping), near().target(other)] as const;
      uploaded = await record(targets[0]);
      // Rarely in a pause: the app is told in the middle of a sentence.
      recording = await record(targets[0], { seconds: 60, together: 3 });
      reference = samplesOfEvents(await wholeStory(targets[1]));
      drained = await drain(stopping, targets, { long: recording, short: uploaded });
      console.log(
        `a gateway pod drained: preStop ${inSeconds(drained.end.preStopMs)}, app ${inSeconds(drained.end.appMs)}`,
      );
    }, 240 * seconds);

    it('is not ready at once, and serves on until no request has come for 30 s', () => {
      expect(drained.isReadyAfter).toBe(false);
      expect(drained.late.rest).toBe(200);
      expect(drained.late.socket.at(-1)?.event.type).toBe('done');
      expect(drained.end.preStopMs).toBeGreaterThan(quietMs);
    });

    it('then takes no connection, and its app refuses whoever still reaches it', () => {
      expect(drained.refused.proxy).toMatchObject({ code: 'ECONNREFUSED' });
      expect(drained.refused.app).toMatchObject({ status: 503, body: { error_code: 'draining' } });
    });

    it('asks a socket with nothing at work to come back', () => {
      expect(drained.quietCode).toBe(restartCode);
    });

    it('speaks what it has begun to its end, then asks that socket to come back', () => {
      const { events, code } = drained.story;
      expect(events.filter(({ event }) => event.done)).toHaveLength(1);
      expect(events.at(-1)?.event.type).toBe('done');
      expect(sameSamples(samplesOfEvents(events), reference)).toBe(true);
      expect(code).toBe(restartCode);
    });

    it('asks a socket that would go on for longer to come back before queue-proxy cuts it', () => {
      const { events, code, atMs } = drained.endless;
      expect(code).toBe(restartCode);
      expect(events.some(({ event }) => event.done)).toBe(false);
      expect(atMs - drained.end.preStopMs).toBeLessThan(socketsCutMs);
    });

    it('says the finals of a stream before it asks it to come back, and no word is lost on the way', () => {
      const [first, second] = drained.heard;
      expect(first?.closeCode).toBe(restartCode);
      expect(first?.events.at(-1)?.event).toMatchObject({ type: 'transcript', is_final: true });
      expect(second?.closeCode).toBe(1000);
      const all = drained.heard.map(finalText).join(' ');
      expect(wordErrorRate(recording.text, all).rate).toBeLessThan(0.1);
    });

    it('answers the requests that it had', () => {
      expect(drained.upload.status).toBe(200);
      expect(wordErrorRate(uploaded.text, drained.upload.text).rate).toBeLessThan(0.1);
    });

    it('ends in good order, both of its processes', () => {
      expect(drained.end).toMatchObject({ app: 'ended with code 0', queueProxy: 'ended with code 0' });
      expect(drained.end.appMs - drained.end.preStopMs).toBeLessThan(socketsCutMs);
    });
  });
}

async function drain(
  pod: KnativePod,
  targets: readonly [Target, Target],
  { long, short }: { readonly long: Recording; readonly short: Recording },
): Promise<Drained> {
  const [target] = targets;
  const [quiet, story, endless] = await Promise.all([target, target, target].map((one) => TtsClient.open(one)));
  if (!quiet || !story || !endless) throw new Error('a socket is missing');
  const heard = transcribeOnward(targets, long);
  const upload = uploadSlowly(target, short, 40);
  for (const running of [heard, upload]) running.catch(() => undefined);
  await quiet.speak('quiet', sentence);
  await beginStory(story);
  endless.send('endless', { ...generation(), transcript: endlessText });
  await endless.until('endless', ({ type }) => type === 'chunk');

  const stoppedMs = performance.now();
  const end = pod.stop();
  const endlessEnd = endless.closed.then((code) => ({ code, atMs: performance.now() - stoppedMs }));
  await delay(2 * seconds);
  const isReadyAfter = await pod.probe('readiness');
  const late = { rest: (await getJson(target, '/voices')).status, socket: await speakOnce(target) };

  const quietCode = await quiet.closed;
  const refused = {
    proxy: await fetch(pod.url).catch((error: Error) => error.cause),
    app: await getJson({ ...target, api: `http://${pod.address}:5000` }, '/voices'),
  };
  const storyEvents = await endStory(story).catch(() => story.eventsOf('story'));
  return {
    end: await end,
    isReadyAfter,
    late,
    refused,
    quietCode,
    story: { events: storyEvents, code: await story.closed },
    endless: { events: endless.eventsOf('endless'), ...(await endlessEnd) },
    heard: await heard,
    upload: await upload,
  };
}

async function speakOnce(target: Target): Promise<readonly TimedEvent[]> {
  const client = await TtsClient.open(target);
  const events = await client.speak('late', sentence);
  client.close();
  return events;
}

/** The first sentence of a context that stays open; resolves when it is heard. */
async function beginStory(client: TtsClient): Promise<void> {
  client.send('story', { ...storyFields, transcript: `${sentence} `, continue: true, flush: true });
  await client.until('story', ({ type }) => type === 'flush_done');
}

/** The rest of the story; resolves at its end. */
function endStory(client: TtsClient): Promise<readonly TimedEvent[]> {
  client.send('story', { ...storyFields, transcript: sentence, continue: false });
  return client.until('story', ({ done }) => done);
}

async function wholeStory(target: Target): Promise<readonly TimedEvent[]> {
  const client = await TtsClient.open(target);
  await beginStory(client);
  const events = await endStory(client);
  client.close();
  return events;
}

const inSeconds = (ms: number): string => `${(ms / seconds).toFixed(1)} s`;
