import { wavFile } from '@app/speech/audio';
import { transcribeFile } from '../../../tools/client/stt-client';
import { generation, samplesOfEvents, TtsClient, voiceRateHz } from '../../../tools/client/tts-client';
import { until } from '../../support/until';
import { wordErrorRate } from '../../support/word-error-rate';
import type { KnativePod } from './support/knative-pod';
import type { Neighbourhood } from './support/neighbourhood';
import { averageConcurrency } from './support/queue-stats';
import { record } from './support/recording';
import { getJson, speakBytes, speakEvents } from './support/rest-client';

const seconds = 1_000;
const sentence = 'The harbour was quiet when the last boat came in.';
const story = Array.from({ length: 12 }, () => sentence).join(' ');

/** What a client is served through queue-proxy, and what Knative is told of it. */
export function describeGateway(near: () => Neighbourhood, pod: () => KnativePod): void {
  describeProbes(near, pod);
  describeRest(near, pod);
  describeStats(near, pod);
  describeOtherTimeouts(near);
}

function describeProbes(near: () => Neighbourhood, pod: () => KnativePod): void {
  describe('probes', () => {
    it(
      'is not ready while it starts, and ready when it has',
      async () => {
        const starting = await near().startPod('gateway');
        expect(await starting.probe('readiness')).toBe(false);
        await starting.untilReady();
        expect(await starting.probe('liveness')).toBe(true);
        starting.kill();
      },
      60 * seconds,
    );

    it(
      'is never ready without a bus',
      async () => {
        const lost = await near().startPod('gateway', { env: { NATS_URL: 'nats://10.99.250.1:4222' } });
        const untilMs = performance.now() + 6 * seconds;
        while (performance.now() < untilMs) expect(await lost.probe('readiness')).toBe(false);
        lost.kill();
      },
      30 * seconds,
    );

    it('answers a probe itself, and hands everything else to the app', async () => {
      const probe = await fetch(pod().url, {
        headers: { 'K-Network-Probe': 'queue', 'user-agent': 'kube-probe/1.36' },
      });
      expect([probe.status, await probe.text()]).toEqual([200, 'queue']);
      expect((await getJson(near().target(pod()), '/')).body).toMatchObject({ ok: true });
    });
  });
}

function describeRest(near: () => Neighbourhood, pod: () => KnativePod): void {
  describe('REST', () => {
    const target = () => near().target(pod());

    it(
      'speaks the same bytes as the app itself, and the first of them long before the last',
      async () => {
        const through = await speakBytes(target(), story);
        const directly = await speakBytes({ ...target(), api: `http://${pod().address}:5000` }, story);
        expect(through.status).toBe(200);
        expect(through.bytes.length).toBeGreaterThan(20 * voiceRateHz * 4);
        expect(through.bytes.equals(directly.bytes)).toBe(true);
        expect(through.firstByteMs).toBeLessThan(through.lastByteMs / 2);
      },
      120 * seconds,
    );

    it(
      'speaks as events',
      async () => {
        const events = await speakEvents(target(), sentence);
        expect(events.at(-1)?.type).toBe('done');
        const audio = Buffer.concat(events.map(({ data }) => Buffer.from(data ?? '', 'base64')));
        expect(audio.equals((await speakBytes(target(), sentence)).bytes)).toBe(true);
      },
      60 * seconds,
    );

    it(
      'transcribes an upload',
      async () => {
        const { samples, sampleRateHz, text } = await record(target());
        const wav = wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz });
        expect(wordErrorRate(text, (await transcribeFile(target(), wav)).text).rate).toBeLessThan(0.1);
      },
      120 * seconds,
    );

    it('lists its voices, and knows who asks', async () => {
      const voices = await getJson(target(), '/voices');
      expect(voices.status).toBe(200);
      expect(JSON.stringify(voices.body)).toContain('joe');
      expect((await getJson({ ...target(), apiKey: 'wrong' }, '/voices')).status).toBe(401);
    });
  });
}

/** Those of `LongSessions`, which are open beside all tests of this file. */
const longSockets = 2;

function describeStats(near: () => Neighbourhood, pod: () => KnativePod): void {
  describe('numbers', () => {
    it(
      'counts each open socket as one running request for the autoscaler',
      async () => {
        // An average over a moment with requests of the tests before this one is not that of the sockets alone.
        await settled(pod().statsUrl, (average) => Math.abs(average - longSockets) < 0.05);
        const sockets = await Promise.all([1, 2, 3].map(() => TtsClient.open(near().target(pod()))));
        const during = await settled(pod().statsUrl, (average) => average > longSockets + 2.95);
        expect(during).toBeCloseTo(longSockets + 3, 1);
        for (const socket of sockets) socket.close();
      },
      30 * seconds,
    );

    it('shows metrics on a port of their own alone', async () => {
      expect((await getJson(near().target(pod()), '/metrics')).status).toBe(404);
      const page = await fetch(`http://${pod().address}:8080/metrics`);
      expect(await page.text()).toMatch(/^antiphon_/m);
    });
  });
}

/** The first average that satisfies the condition; throws when none does in 10 s. */
async function settled(statsUrl: string, condition: (average: number) => boolean): Promise<number> {
  let average = NaN;
  const hasSettled = async (): Promise<boolean> => {
    average = await averageConcurrency(statsUrl);
    if (!condition(average)) throw new Error(`the average is ${average}`);
    return true;
  };
  await until(hasSettled, { withinMs: 10 * seconds, everyMs: 500 });
  return average;
}

function describeOtherTimeouts(near: () => Neighbourhood): void {
  describe('with other timeouts than ours', () => {
    it.each([
      ['timeoutSeconds', 5, { timeoutSeconds: 5 }],
      ['responseStartTimeoutSeconds', 3, { responseStartTimeoutSeconds: 3 }],
      ['idleTimeoutSeconds', 3, { idleTimeoutSeconds: 3 }],
    ])(
      'cuts a busy socket after a %s of %d s',
      async (_, limitSeconds, changed) => {
        const change = (spec: Record<string, unknown>): unknown => Object.assign(spec, changed);
        const pod = await near().readyPod('gateway', { change });
        const client = await TtsClient.open(near().target(pod));
        const openedMs = performance.now();
        client.send('story', { ...generation(), transcript: story, continue: true });
        expect(await client.closed).toBe(1006);
        expect((performance.now() - openedMs) / seconds).toBeGreaterThan(limitSeconds - 0.5);
        expect((performance.now() - openedMs) / seconds).toBeLessThan(limitSeconds + 5);
        expect(samplesOfEvents(client.eventsOf('story')).length).toBeGreaterThan(0);
        pod.kill();
      },
      60 * seconds,
    );
  });
}
