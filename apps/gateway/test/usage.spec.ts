import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readUsageRecord, type UsageRecord } from '@app/protocol';
import { encodePcm, wavFile } from '@app/speech/audio';
import { until } from '../../../test/support/until';
import { fakeRateHz } from './support/fake-worker';
import { GatewayUnderTest } from './support/gateway-under-test';
import { gate, generation, spoken, text } from './support/requests';
import { audioOf, TestSocket } from './support/test-socket';

const silence = (samples: number): Float32Array => new Float32Array(samples);

describe('usage records', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const published = (): UsageRecord[] => gateway.usage.records.map(({ payload }) => readUsageRecord(payload));
  /** Resolves to the records once there are so many and the spool is empty. */
  const records = async (count: number): Promise<UsageRecord[]> => {
    await until(() => published().length >= count && readdirSync(gateway.usageFolder).length === 0);
    expect(published()).toHaveLength(count);
    return published();
  };
  const samplesOf = (client: TestSocket, id: string): number => audioOf(client.of(id)).length / 4;
  const tts = { kind: 'tts', keyId: 'key-1', model: 'piper', voice: 'piper-joe', sampleRateHz: fakeRateHz };

  it('count a text that was spoken to the character and to the sample', async () => {
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ context_id: 'c', ...generation(), transcript: text, continue: true });
    client.send({ context_id: 'c', ...generation(), transcript: ' And more of it. ', continue: false });
    await client.ended('c');
    const [record] = await records(1);
    const characters = text.length + ' And more of it. '.length;
    expect(record).toMatchObject({ ...tts, characters, audioSamples: samplesOf(client, 'c'), outcome: 'done' });
    expect(JSON.stringify(record)).not.toContain('Hello');
    client.close();
  });

  it('are on the disk or published before the client is told of the end', async () => {
    gateway.usage.disconnect();
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ context_id: 'c', ...spoken() });
    await client.ended('c');
    expect(readdirSync(gateway.usageFolder)).toHaveLength(1);
    await until(async () => (await gateway.metric('antiphon_usage_spooled_records')) === 1);
    gateway.usage.reconnect();
    await records(1);
    await until(async () => (await gateway.metric('antiphon_usage_spooled_records')) === 0);
    expect(await gateway.metric('antiphon_usage_published_total')).toBe(1);
    client.close();
  });

  it('count what was sent before a cancel', async () => {
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    gateway.worker.beforeWindow = (_job, window) => (window === 2 ? gate().opened : undefined);
    client.send({ context_id: 'c', ...spoken() });
    await client.until(({ type }) => type === 'chunk');
    client.send({ context_id: 'c', cancel: true });
    await client.ended('c');
    const [record] = await records(1);
    const audioSamples = samplesOf(client, 'c');
    expect(audioSamples).toBeGreaterThan(0);
    expect(record).toMatchObject({ ...tts, characters: text.length, audioSamples, outcome: 'cancelled' });
    client.close();
  });

  it('are made of no message that was refused before it became admitted work', async () => {
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ context_id: 'c', ...generation(), transcript: 'Too long.'.repeat(50_000), continue: false });
    client.send({ context_id: 'd', ...spoken({ voice: 'nobody' }) });
    client.send({ context_id: 'e', ...spoken() });
    client.send({ context_id: 'e', cancel: true });
    for (const id of ['c', 'd', 'e']) await client.ended(id);
    client.send({ context_id: 'f', ...spoken() });
    await client.ended('f');
    expect(await records(1)).toMatchObject([{ ...tts, characters: text.length, outcome: 'done' }]);
    client.close();
  });

  it('count no text of a context that failed before its first audio', async () => {
    gateway.worker.beforeWindow = () => Promise.reject(new Error('no speech'));
    expect((await gateway.post('/tts/bytes', spoken())).status).toBe(500);
    expect(await records(1)).toMatchObject([{ ...tts, characters: 0, audioSamples: 0, outcome: 'error' }]);
  });

  it('count what was sent to a client that disconnected, once', async () => {
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    gateway.worker.beforeWindow = (_job, window) => (window === 1 ? gate().opened : undefined);
    client.send({ context_id: 'c', ...spoken() });
    await client.until(({ type }) => type === 'chunk');
    client.close();
    const [record] = await records(1);
    const audioSamples = samplesOf(client, 'c');
    expect(record).toMatchObject({ ...tts, characters: text.length, audioSamples, outcome: 'cancelled' });
  });

  it('count the samples of an STT stream at the rate of its client', async () => {
    const query = 'model=ink-2&encoding=pcm_s16le&sample_rate=8000';
    const client = await TestSocket.open(`${gateway.ws}/stt/websocket?${query}`);
    client.send(encodePcm(silence(8_001), 'pcm_s16le'));
    client.send('close');
    await client.untilClosed();
    expect(client.messages.at(-1)?.type).toBe('done');
    const stt = { kind: 'stt', keyId: 'key-1', model: 'whisper-tiny-en', characters: 0, outcome: 'done' };
    expect(await records(1)).toMatchObject([{ ...stt, audioSamples: 8_001, sampleRateHz: 8_000 }]);
  });

  it('count an upload, and none that is refused', async () => {
    const post = (model: string): Promise<Response> => {
      const form = new FormData();
      form.set('model', model);
      const wav = wavFile(silence(44_100), { encoding: 'pcm_s16le', sampleRateHz: 44_100 });
      form.set('file', new Blob([new Uint8Array(wav)]), 'a.wav');
      return fetch(`${gateway.http}/stt`, { method: 'POST', headers: { 'x-api-key': 'k' }, body: form });
    };
    expect((await post('nothing')).status).toBe(400);
    expect((await post('ink-2')).status).toBe(200);
    expect(await records(1)).toMatchObject([
      { kind: 'stt', model: 'whisper-tiny-en', audioSamples: 44_100, sampleRateHz: 44_100, outcome: 'done' },
    ]);
  });

  it('count speech over HTTP', async () => {
    const response = await gateway.post('/tts/bytes', spoken());
    const bytes = (await response.arrayBuffer()).byteLength;
    expect(await records(1)).toMatchObject([
      { ...tts, characters: text.length, audioSamples: bytes / 4, outcome: 'done' },
    ]);
  });

  describe('whose folder cannot be written', () => {
    it('stop new requests with a code of their own, and none of them is lost', async () => {
      const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
      const held = gate();
      gateway.worker.beforeWindow = (_job, window) => (window === 1 ? held.opened : undefined);
      client.send({ context_id: 'running', ...spoken() });
      await client.until(({ type }) => type === 'chunk');
      gateway.usage.disconnect();
      rmSync(gateway.usageFolder, { recursive: true });
      writeFileSync(gateway.usageFolder, 'no folder');
      held.open();
      expect((await client.ended('running')).at(-1)?.type).toBe('done');
      await until(async () => (await gateway.metric('antiphon_ready{check="usage folder writable"}')) === 0);
      const refused = await gateway.post('/tts/bytes', spoken());
      expect([refused.status, await refused.json()]).toMatchObject([503, { error_code: 'usage_unavailable' }]);
      client.send({ context_id: 'new', ...spoken() });
      expect(await client.ended('new')).toMatchObject([{ type: 'error', error_code: 'usage_unavailable' }]);
      gateway.usage.reconnect();
      rmSync(gateway.usageFolder);
      expect(await records(1)).toMatchObject([{ characters: text.length, outcome: 'done' }]);
      expect((await gateway.post('/tts/bytes', spoken())).status).toBe(200);
      client.close();
    });

    it('are published straight from memory', async () => {
      const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
      const held = gate();
      gateway.worker.beforeWindow = (_job, window) => (window === 1 ? held.opened : undefined);
      client.send({ context_id: 'running', ...spoken() });
      await client.until(({ type }) => type === 'chunk');
      rmSync(gateway.usageFolder, { recursive: true });
      writeFileSync(gateway.usageFolder, 'no folder');
      held.open();
      await client.ended('running');
      await until(() => published().length === 1);
      client.close();
    });
  });
});

describe('the spool of usage records', () => {
  it('refuses new requests at its limit while NATS is away, and is published afterwards', async () => {
    const gateway = await GatewayUnderTest.start({ usageSpoolBytes: 1_024 });
    gateway.usage.disconnect();
    const answers: number[] = [];
    for (let count = 0; count < 8; count++) {
      const response = await gateway.post('/tts/bytes', spoken());
      // The end of the answer comes after its record is stored.
      await response.arrayBuffer();
      answers.push(response.status);
    }
    const served = answers.filter((status) => status === 200).length;
    expect(answers).toEqual([...Array<number>(served).fill(200), ...Array<number>(8 - served).fill(503)]);
    expect([served > 0, served < 8]).toEqual([true, true]);
    expect(await gateway.metric('antiphon_ready{check="usage records below their limit"}')).toBe(0);
    gateway.usage.reconnect();
    await until(() => gateway.usage.records.length === served);
    await until(async () => (await gateway.post('/tts/bytes', spoken())).status === 200);
    await gateway.stop();
  });

  it('gets nothing from invalid messages of an open socket', async () => {
    const gateway = await GatewayUnderTest.start();
    gateway.usage.disconnect();
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    for (let count = 0; count < 300; count++) client.send({ context_id: `c${count}`, ...spoken({ voice: 'nobody' }) });
    await client.ended('c299');
    expect(await gateway.drain()).toBe(0);
    expect(readdirSync(gateway.usageFolder)).toEqual([]);
    client.close();
    await gateway.stop();
  });

  it('keeps what cannot be published for the next gateway in its folder', async () => {
    const first = await GatewayUnderTest.start();
    const { usageFolder } = first;
    first.usage.disconnect();
    expect((await first.post('/tts/bytes', spoken())).status).toBe(200);
    await first.drain();
    expect(first.log.join('')).toContain('usage records stay in the spool');
    expect(readdirSync(usageFolder)).toHaveLength(1);
    const second = await GatewayUnderTest.start({ usageFolder });
    await until(() => second.usage.records.length === 1 && readdirSync(usageFolder).length === 0);
    await second.stop();
    await first.stop();
  });

  it('is empty after a drain', async () => {
    const gateway = await GatewayUnderTest.start();
    expect((await gateway.post('/tts/bytes', spoken())).status).toBe(200);
    expect(await gateway.drain()).toBe(0);
    expect(gateway.usage.records).toHaveLength(1);
    expect(readdirSync(gateway.usageFolder)).toEqual([]);
    await gateway.stop();
  });
});
