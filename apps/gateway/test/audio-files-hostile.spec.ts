import { once } from 'node:events';
import { request, type ClientRequest } from 'node:http';
import { Mp3Encoder } from '@app/media';
import { wavFile } from '@app/speech/audio';
import { until } from '../../../test/support/until';
import { GatewayUnderTest, granted } from './support/gateway-under-test';

const boundary = 'b-o-u-n-d';
const tone = Float32Array.from({ length: 48_000 }, (_, at) => Math.sin((2 * Math.PI * 440 * at) / 16_000) / 2);
const seconds = tone.length / 16_000;
const wav = wavFile(tone, { encoding: 'pcm_s16le', sampleRateHz: 16_000 });

describe('hostile senders of files for POST /stt', () => {
  let gateway: GatewayUnderTest;
  let mp3: Buffer;

  beforeAll(async () => {
    const encoder = await Mp3Encoder.create({ sampleRateHz: 16_000, bitRate: 64_000 });
    mp3 = Buffer.concat([encoder.encode(tone), encoder.end()]);
  });
  async function start(settings: Parameters<typeof GatewayUnderTest.start>[0] = {}): Promise<void> {
    gateway = await GatewayUnderTest.start(settings);
    gateway.license.answer = ({ key }) => granted({ keyId: `id-${key}` });
  }
  afterEach(() => gateway.stop());

  async function post(
    file: Uint8Array,
    { key = 'k', parameters = '', fields = [] as [string, string][] } = {},
  ): Promise<Record<string, unknown>> {
    const form = new FormData();
    form.append('model', 'ink-2');
    form.append('file', new Blob([new Uint8Array(file)]), 'a.mp3');
    for (const [name, value] of fields) form.append(name, value);
    const url = `${gateway.http}/stt${parameters}`;
    const response = await fetch(url, { method: 'POST', headers: { 'x-api-key': key }, body: form });
    return { status: response.status, ...((await response.json()) as object) };
  }

  /** Begins a file and sends no more of it. */
  async function hang(key: string): Promise<ClientRequest> {
    const headers = { 'x-api-key': key, 'content-type': `multipart/form-data; boundary=${boundary}` };
    const sent = request(`${gateway.http}/stt`, { method: 'POST', headers, agent: false });
    sent.on('error', () => undefined);
    const field = (name: string): string => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`;
    sent.write(`${field('model')}\r\n\r\nink-2\r\n${field('language')}\r\n\r\nen\r\n`);
    sent.write(`${field('timestamp_granularities')}\r\n\r\nword\r\n${field('file')}; filename="a"\r\n\r\n`);
    sent.write(mp3.subarray(0, 4_000));
    await once(sent, 'socket');
    return sent;
  }
  const active = (): Promise<number> => gateway.metric('antiphon_active_requests{kind="stt"}');

  it('with one key do not keep the compressed files of another key waiting', async () => {
    await start({ maxDecoders: 2, bodyIdleMs: 60_000, waitBudgetMs: 5_000 });
    const hung = await Promise.all(Array.from({ length: 6 }, () => hang('greedy')));
    await until(async () => (await active()) === 6);
    expect(await post(mp3, { key: 'modest' })).toMatchObject({ status: 200 });
    for (const one of hung) one.destroy();
    await until(async () => (await active()) === 0);
    expect(await post(mp3, { key: 'greedy' })).toMatchObject({ status: 200 });
  });

  it('who wait too long for a decoder are told so, and WAV needs none', async () => {
    await start({ maxDecoders: 1, waitBudgetMs: 300 });
    const hung = await hang('greedy');
    await until(async () => (await active()) === 1);
    expect(await post(wav)).toMatchObject({ status: 200 });
    await until(async () => (await post(mp3)).status === 503);
    expect(await post(mp3)).toMatchObject({
      error_code: 'worker_unavailable',
      message: 'Too many compressed files are decoded at the moment. Try again later, or send WAV.',
    });
    hung.destroy();
  });

  it('who break off 60 uploads leave no thread behind', async () => {
    await start({ maxDecoders: 2 });
    for (let round = 0; round < 10; round++) {
      const hung = await Promise.all(Array.from({ length: 6 }, (_, number) => hang(`key-${number}`)));
      await until(async () => (await active()) === 6);
      for (const one of hung) one.destroy();
      await until(async () => (await active()) === 0);
    }
    expect(await post(mp3)).toMatchObject({ status: 200 });
    const records = gateway.log.map((line) => JSON.parse(line) as { level: string; msg: string });
    expect(records.filter(({ level }) => level === 'error' || level === 'fatal').map(({ msg }) => msg)).toEqual([]);
  });

  it('do not keep a stopping gateway from its end', async () => {
    await start({ maxDecoders: 1 });
    await Promise.all([hang('one'), hang('two')]);
    await until(async () => (await active()) === 2);
    expect(await gateway.drain()).toBe(0);
  });

  it('may put 10 MB of pictures before an MP3', async () => {
    await start();
    const bytes = 10_000_000;
    const tag = Buffer.alloc(10 + bytes, 'A');
    tag.write('ID3\x04\0\0', 'latin1');
    for (const [at, shift] of [21, 14, 7, 0].entries()) tag[6 + at] = (bytes >> shift) & 127;
    const { status, duration } = await post(Buffer.concat([tag, mp3]));
    expect([status, Math.round(duration as number)]).toEqual([200, seconds]);
  });

  it('may describe raw audio and send a tagged MP3', async () => {
    await start();
    const tagged = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'), mp3]);
    const { duration } = await post(tagged, { parameters: '?encoding=pcm_s16le&sample_rate=16000' });
    expect(Math.round(duration as number)).toBe(seconds);
  });

  it('get 400 for a granularity that is not offered, and may ask twice for one that is', async () => {
    await start();
    const word = ['timestamp_granularities', 'word'] as [string, string];
    for (const nonsense of ['nonsense', 'segment', '']) {
      for (const fields of [[['timestamp_granularities[]', nonsense]], [word, ['timestamp_granularities', nonsense]]]) {
        expect(await post(wav, { fields: fields as [string, string][] })).toMatchObject({
          status: 400,
          message: 'timestamp_granularities: only "word" is offered.',
        });
      }
    }
    expect(await post(wav, { fields: [word, ['timestamp_granularities[]', 'word']] })).toHaveProperty('words');
  });

  it('get 400 for a sample rate that no audio has', async () => {
    await start();
    const file = Buffer.from(wav);
    file.writeUInt16LE(64, 22);
    file.writeUInt32LE(0xffffffff, 24);
    file.writeUInt16LE(128, 32);
    expect(await post(file)).toMatchObject({
      status: 400,
      message: 'A sample rate of 4294967295 Hz is not supported. Send 1000 to 768000 Hz.',
    });
  });
});
