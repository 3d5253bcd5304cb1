import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { encodePcm } from '@app/speech/audio';
import { finalText, transcribeFile, transcribeStream } from '../../tools/client/stt-client';
import { generation, samplesOfEvents, TtsClient, voiceRateHz, type TimedEvent } from '../../tools/client/tts-client';
import { Front } from '../support/front';
import { RunningStack } from '../support/running-stack';
import { readTwoCities, twoCitiesFile, twoCitiesText } from '../support/two-cities';
import { wordErrorRate } from '../support/word-error-rate';
import { until } from '../support/until';

const seconds = 1_000;
const text =
  'The mill stood where the two brooks met, and its wheel had not turned since the winter. The miller sat before the door ' +
  'and watched the road. Nobody came along it any more, for the new bridge was further down, and the carts went that way.';

/** Few, so that a test fills them. */
const seats = 2;

/** Two copies of `inference serve` behind a proxy, and no worker that pulls. */
describe('speech by request dispatch alone', () => {
  const front = new Front();
  let stack: RunningStack;
  let client: TtsClient;
  let reference: Float32Array;
  let recording: { samples: Float32Array; sampleRateHz: number };
  let undisturbed: string;

  beforeAll(async () => {
    stack = await RunningStack.start({
      dispatch: ['tts=request', 'stt=request'],
      inferenceUrl: await front.start(),
      // What is late on a busy machine is not lost.
      gatewayEnv: { WAIT_BUDGET_MS: '60000' },
      workerEnv: { ENGINES: '1', BATCH_SIZE: String(seats) },
    });
    front.add(stack.inference);
    client = await TtsClient.open(stack.target);
    reference = samplesOfEvents(await client.speak('reference', text, { seed: 7 }));
    const { samples, sampleRateHz } = readTwoCities();
    recording = { samples: samples.subarray(0, 14 * sampleRateHz), sampleRateHz };
    undisturbed = finalText(await transcribe(4));
  }, 180 * seconds);
  afterAll(async () => {
    client?.close();
    await stack?.stop();
    await front.stop();
  }, 60 * seconds);

  const transcribe = (pace: number) => transcribeStream(stack.target, recording.samples, recording.sampleRateHz, pace);
  const speakAll = (name: string, count: number): Promise<readonly TimedEvent[]>[] =>
    Array.from({ length: count }, (_, index) => client.speak(`${name}-${index}`, text, { seed: 7 }));
  const expectWhole = (events: readonly TimedEvent[]): void => {
    expect(events.filter(({ event }) => event.type === 'error')).toEqual([]);
    const samples = samplesOfEvents(events);
    expect(samples.length).toBe(reference.length);
    expect(Buffer.from(samples.buffer).equals(Buffer.from(reference.buffer))).toBe(true);
  };
  /** Steps that `inference serve` and its copy have run. */
  const stepsOf = async (operation: string): Promise<number> => {
    const each = ['inference', 'inference-extra'].map((part) =>
      stack.metric(part, 'antiphon_step_requests_count', { operation }).catch(() => 0),
    );
    return (await Promise.all(each)).reduce((sum, count) => sum + count);
  };
  const busySeats = (part: string, lane: string): Promise<number> =>
    stack.metric(part, 'antiphon_busy_seats', { lane });

  it(
    'answers bytes over HTTP, chunks on a socket and transcripts of a file, each of its job one open request',
    async () => {
      const response = await fetch(`${stack.target.api}/tts/bytes`, {
        method: 'POST',
        headers: { 'X-API-Key': stack.target.apiKey, 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...generation(), transcript: text, seed: 7 }),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(response.status).toBe(200);
      expect(bytes.equals(Buffer.from(reference.buffer))).toBe(true);
      expect(reference.length).toBeGreaterThan(5 * voiceRateHz);
      const { text: heard } = await transcribeFile(stack.target, readFileSync(twoCitiesFile()));
      expect(wordErrorRate(twoCitiesText, heard).rate).toBeLessThan(0.12);
      expect(undisturbed.length).toBeGreaterThan(20);
      await until(() => front.openRequests() === 0);
      expect(await stack.metric('inference', 'antiphon_jobs_total', { outcome: 'handed_back' })).toBe(0);
    },
    90 * seconds,
  );

  it(
    'lets jobs wait that find no seat, and speaks them all',
    async () => {
      const spoken = speakAll('waiting', 3 * seats);
      await until(async () => (await stack.metric('gateway', 'antiphon_lane_jobs', { state: 'waiting' })) > 0);
      expect(await busySeats('inference', 'tts.piper')).toBeLessThanOrEqual(seats);
      (await Promise.all(spoken)).forEach(expectWhole);
    },
    90 * seconds,
  );

  it(
    'frees the seat when a context is cancelled, and when a caller goes away',
    async () => {
      client.send('cancelled', { ...generation(), transcript: text, continue: false, seed: 7 });
      await client.until('cancelled', ({ type }) => type === 'chunk');
      client.send('cancelled', { cancel: true });
      await until(async () => front.openRequests() === 0 && (await busySeats('inference', 'tts.piper')) === 0);

      const socket = await openStt();
      await until(async () => (await busySeats('inference', 'stt.whisper-tiny-en')) === 1);
      socket.terminate();
      await until(
        async () => front.openRequests() === 0 && (await busySeats('inference', 'stt.whisper-tiny-en')) === 0,
      );
    },
    60 * seconds,
  );

  it(
    'loses no word when its process is killed: the next one on the same port goes on with the stream',
    async () => {
      const transcribed = await stepsOf('transcribe');
      const disturbed = transcribe(2);
      await until(async () => (await stepsOf('transcribe')) > transcribed + 1);
      expect(front.openRequests(stack.inference)).toBe(1);
      stack.kill('inference');
      expect(finalText(await disturbed)).toBe(undisturbed);
    },
    90 * seconds,
  );

  it(
    'loses no sample and repeats none when a process is killed in the middle of speaking',
    async () => {
      const extra = await stack.addServe();
      front.add(extra.url);
      const spoken = speakAll('killed', 2 * seats);
      client.send('first', { ...generation(), transcript: text, continue: false, seed: 7 });
      await client.until('first', ({ type }) => type === 'chunk');
      await until(() => front.openRequests(extra.url) > 0);
      const back = stack.says(`${extra.name} is back`);
      front.remove(extra.url);
      stack.kill(extra.name);
      (await Promise.all([...spoken, client.until('first', ({ done }) => done)])).forEach(expectWhole);
      await back;
      front.add(extra.url);
    },
    120 * seconds,
  );

  it(
    'goes on elsewhere when the proxy between breaks its connections',
    async () => {
      const spoken = speakAll('broken', seats);
      const heard = transcribe(4);
      for (let time = 0; time < 3; time += 1) {
        const [decoded, transcribed] = [await stepsOf('decode'), await stepsOf('transcribe')];
        await until(async () => (await stepsOf('decode')) > decoded || (await stepsOf('transcribe')) > transcribed);
        front.breakAll();
      }
      (await Promise.all(spoken)).forEach(expectWhole);
      expect(finalText(await heard)).toBe(undisturbed);
    },
    90 * seconds,
  );

  it(
    'drains on SIGTERM without loss: what is spoken ends there, what is heard goes on elsewhere',
    async () => {
      const transcribed = await stepsOf('transcribe');
      const spoken = speakAll('drained', 2 * seats);
      const heard = [transcribe(2), transcribe(2)];
      await until(async () => (await stepsOf('transcribe')) > transcribed + 2);
      const before = front.openRequests(stack.inference);
      const ended = stack.says('inference exited with code 0');
      stack.signal('inference', 'SIGTERM');
      expect(before).toBeGreaterThan(0);
      await ended;
      (await Promise.all(spoken)).forEach(expectWhole);
      for (const run of await Promise.all(heard)) expect(finalText(run)).toBe(undisturbed);
    },
    120 * seconds,
  );

  it(
    'frees its seats when the gateway is killed, and serves the next one',
    async () => {
      await openStt();
      await until(() => front.openRequests() > 0);
      const back = stack.says('gateway is back');
      stack.kill('gateway');
      await until(() => front.openRequests() === 0);
      for (const part of ['inference', 'inference-extra']) {
        await until(async () => (await busySeats(part, 'stt.whisper-tiny-en')) === 0);
      }
      await back;
      client = await TtsClient.open(stack.target);
      expectWhole(await client.speak('after', text, { seed: 7 }));
    },
    60 * seconds,
  );

  /** An STT stream with a second of audio, left open. */
  async function openStt(): Promise<WebSocket> {
    const { api, apiKey } = stack.target;
    const query = `model=ink-whisper&encoding=pcm_s16le&sample_rate=${recording.sampleRateHz}`;
    const socket = new WebSocket(`${api.replace(/^http/, 'ws')}/stt/websocket?${query}`, {
      headers: { 'X-API-Key': apiKey },
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(encodePcm(recording.samples.subarray(0, recording.sampleRateHz), 'pcm_s16le'));
    return socket;
  }
});
