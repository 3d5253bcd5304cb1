import { ProblemError } from '@app/protocol';
import { encodePcm, wavFile } from '@app/speech/audio';
import { until } from '../../../test/support/until';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { TestSocket } from './support/test-socket';

const rateHz = 16_000;
const seconds = (count: number, sampleRateHz = rateHz): Float32Array =>
  Float32Array.from({ length: count * sampleRateHz }, (_, at) => Math.sin(at / 20) / 2);
const pcm = (count: number): Buffer => encodePcm(seconds(count), 'pcm_s16le');
const query = 'model=ink-2&encoding=pcm_s16le&sample_rate=16000';

describe('speech recognition', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const open = (parameters = query): Promise<TestSocket> =>
    TestSocket.open(`${gateway.ws}/stt/websocket?${parameters}`);
  const ended = async (outcome: string): Promise<number> =>
    gateway.metric(`antiphon_terminal_events_total{kind="stt",outcome="${outcome}"}`);

  describe('over the socket', () => {
    it('gives finals and flush_done at finalize, takes more, and gives done at close', async () => {
      const client = await open();
      client.send(pcm(1));
      client.send('finalize');
      await client.until(({ type }) => type === 'flush_done');
      client.send(pcm(2));
      client.send('close');
      expect(await client.untilClosed()).toEqual({ code: 1000, reason: 'done' });
      const events = client.messages.filter(({ type, is_final: isFinal }) => type !== 'transcript' || isFinal);
      const requestId = client.messages[0]!.request_id;
      expect(events).toEqual([
        {
          type: 'transcript',
          is_final: true,
          request_id: requestId,
          text: 'Heard 1 seconds.',
          duration: 1,
          language: 'en',
          words: [{ word: 'Heard', start: 0, end: 1 }],
        },
        { type: 'flush_done', request_id: requestId },
        {
          type: 'transcript',
          is_final: true,
          request_id: requestId,
          text: ' Heard 2 seconds.',
          duration: 2,
          language: 'en',
          words: [{ word: 'Heard', start: 1, end: 3 }],
        },
        { type: 'done', request_id: requestId },
      ]);
      expect(client.messages.some(({ is_final: isFinal }) => isFinal === false)).toBe(true);
      expect(await ended('done')).toBe(1);
      expect(await gateway.metric('antiphon_active_requests{kind="stt"}')).toBe(0);
    });

    it.each(['done', ' "close" '])('takes %s for close', async (command) => {
      const client = await open();
      client.send(pcm(1));
      client.send(command);
      await client.untilClosed();
      expect(client.messages.at(-1)!.type).toBe('done');
    });

    it('needs no worker for a stream without audio', async () => {
      const client = await open();
      client.send('finalize');
      await client.until(({ type }) => type === 'flush_done');
      client.send('close');
      expect((await client.untilClosed()).code).toBe(1000);
      expect(gateway.worker.sttJobs).toEqual([]);
    });

    it.each([
      ['pcm_s16le', 44_100],
      ['pcm_f32le', 48_000],
      ['pcm_mulaw', 8_000],
      ['pcm_alaw', 8_000],
    ] as const)('takes %s at %i Hz, cut anywhere', async (encoding, sampleRateHz) => {
      const client = await open(`model=ink-2&encoding=${encoding}&sample_rate=${sampleRateHz}`);
      const bytes = encodePcm(seconds(1, sampleRateHz), encoding);
      for (let at = 0; at < bytes.length; at += 4_999) client.send(bytes.subarray(at, at + 4_999));
      client.send('close');
      await client.untilClosed();
      expect(gateway.worker.heard[0]!.samples).toBe(rateHz);
    });

    it.each([
      ['no model', 'encoding=pcm_s16le&sample_rate=16000', 'bad_request'],
      ['no encoding', 'model=ink-2&sample_rate=16000', 'bad_request'],
      ['no rate', 'model=ink-2&encoding=pcm_s16le', 'bad_request'],
      ['a rate that is none', 'model=ink-2&encoding=pcm_s16le&sample_rate=fast', 'bad_request'],
      ['an unknown model', 'model=ear&encoding=pcm_s16le&sample_rate=16000', 'model_not_found'],
      ['another language', `${query}&language=fr`, 'language_not_supported'],
      ['too many key terms', `${query}${'&keyterm=a'.repeat(101)}`, 'bad_request'],
    ])('refuses %s before the upgrade', async (_, parameters, code) => {
      const refused = await TestSocket.refused(`${gateway.ws}/stt/websocket?${parameters}`, { 'x-api-key': 'k' });
      expect(refused).toMatchObject({ status: 400, body: { error_code: code, status_code: 400 } });
    });

    it('takes a hundred key terms, spelled either way', async () => {
      (await open(`${query}${'&keyterm=a+b'.repeat(50)}${'&keyterm=a%20b'.repeat(50)}`)).close();
    });

    it('refuses a stream beyond the concurrency of the key before the upgrade, until a place is free', async () => {
      gateway.license.answer = () => granted({ maxConcurrent: 1 });
      const first = await open();
      const refused = await TestSocket.refused(`${gateway.ws}/stt/websocket?${query}`, { 'x-api-key': 'k' });
      expect(refused).toMatchObject({ status: 429, body: { error_code: 'concurrency_limited' } });
      first.send('close');
      await first.untilClosed();
      (await open()).close();
    });

    it('tells a problem in the keys of old and new clients, and closes', async () => {
      gateway.worker.hear = () => {
        throw new ProblemError('artifact_corrupt');
      };
      const client = await open();
      client.send(pcm(1));
      const { code } = await client.untilClosed();
      expect(code).toBe(1011);
      expect(client.messages).toEqual([
        {
          type: 'error',
          status_code: 500,
          code: 500,
          error_code: 'artifact_corrupt',
          title: 'Artifact corrupt',
          message: expect.any(String) as string,
          error: expect.stringContaining('Artifact corrupt: ') as string,
          request_id: expect.any(String) as string,
        },
      ]);
      expect(await ended('error')).toBe(1);
    });

    it('answers a text that is no command, and goes on', async () => {
      const client = await open();
      client.send('stop it');
      expect(await client.until(({ type }) => type === 'error')).toMatchObject([{ status_code: 400, code: 400 }]);
      client.send(pcm(1));
      client.send('close');
      expect((await client.untilClosed()).code).toBe(1000);
    });

    it('lets another worker hear again what has no final yet', async () => {
      const client = await open();
      client.send(pcm(2));
      client.send('finalize');
      await client.until(({ type }) => type === 'flush_done');
      client.send(pcm(3));
      await client.until(({ is_final: isFinal, text }) => isFinal === false && text === ' Heard 3 seconds.');
      const second = await gateway.addWorker('worker-2');
      await gateway.worker.stop();
      await client.until(({ is_final: isFinal, text }) => isFinal === false && text === ' Heard 3 seconds.', 2);
      client.send('close');
      await client.untilClosed();
      expect(second.heard).toEqual([{ offsetSamples: 2 * rateHz, firstOffset: 2 * rateHz, samples: 3 * rateHz }]);
      const finals = client.messages.filter(({ is_final: isFinal }) => isFinal);
      expect(finals.map(({ text }) => text)).toEqual(['Heard 2 seconds.', ' Heard 3 seconds.']);
    });

    it('frees its seat when the client has gone', async () => {
      const client = await open();
      client.send(pcm(1));
      await client.until(({ type }) => type === 'transcript');
      client.close();
      await until(() => gateway.worker.running === 0);
      expect(await ended('cancelled')).toBe(1);
    });
  });

  describe('over POST /stt', () => {
    const form = (fields: Record<string, string>, file?: Uint8Array, fileFirst = false): FormData => {
      const data = new FormData();
      const addFile = (): void => {
        if (file) data.append('file', new Blob([new Uint8Array(file)]), 'audio');
      };
      if (fileFirst) addFile();
      for (const [name, value] of Object.entries(fields)) data.append(name, value);
      if (!fileFirst) addFile();
      return data;
    };
    const post = (body: FormData, parameters = ''): Promise<Response> =>
      fetch(`${gateway.http}/stt${parameters}`, { method: 'POST', headers: { 'x-api-key': 'k' }, body });
    const wav = (count: number): Buffer =>
      wavFile(seconds(count, 8_000), { encoding: 'pcm_s16le', sampleRateHz: 8_000 });

    it.each([true, false])('transcribes a WAV file, whether it comes first (%s) or last', async (fileFirst) => {
      const response = await post(form({ model: 'ink-whisper' }, wav(2), fileFirst));
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        type: 'transcript',
        is_final: true,
        text: 'Heard 2 seconds.',
        language: 'en',
        duration: 2,
        request_id: response.headers.get('x-request-id'),
      });
    });

    it.each(['timestamp_granularities[]', 'timestamp_granularities'])(
      'gives words when %s asks for them',
      async (name) => {
        const response = await post(form({ model: 'ink-whisper', [name]: 'word' }, wav(1), true));
        expect(await response.json()).toMatchObject({ words: [{ word: 'Heard', start: 0, end: 1 }] });
        expect(gateway.worker.sttJobs[0]).toMatchObject({ words: true, pace: 'upload' });
      },
    );

    it('transcribes headerless audio that the query describes', async () => {
      const response = await post(form({ model: 'ink-whisper' }, pcm(1)), '?encoding=pcm_s16le&sample_rate=16000');
      expect(await response.json()).toMatchObject({ text: 'Heard 1 seconds.' });
    });

    it('joins the finals of a long file and gives the worker no more than it has credit for', async () => {
      const response = await post(form({ model: 'ink-whisper' }, wav(70), true));
      expect(await response.json()).toMatchObject({
        duration: 70,
        text: expect.stringMatching(/^Heard [\d.]+ seconds\. Heard/) as string,
      });
    });

    it.each([
      ['no file', { model: 'ink-whisper' }, undefined, 400, 'bad_request'],
      ['no model', {}, wav(1), 400, 'bad_request'],
      ['an unknown model', { model: 'ear' }, wav(1), 400, 'model_not_found'],
      ['another language', { model: 'ink-2', language: 'de' }, wav(1), 400, 'language_not_supported'],
      ['what is no audio', { model: 'ink-2' }, Buffer.from('hello'), 400, 'audio_not_supported'],
      ['an MP3 file', { model: 'ink-2' }, Buffer.from('ID3' + ' '.repeat(600)), 400, 'audio_not_supported'],
      ['a WAV file without audio', { model: 'ink-2' }, wav(1).subarray(0, 20), 400, 'audio_not_supported'],
    ] as const)('refuses %s', async (_, fields, file, status, code) => {
      const response = await post(form(fields, file));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error_code: code });
    });

    it('refuses what is no form', async () => {
      const response = await gateway.post('/stt', { model: 'ink-2' });
      expect(response.status).toBe(415);
    });

    it('refuses a form that cannot be read', async () => {
      for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x']) {
        const response = await gateway.post('/stt', 'nonsense', { 'content-type': type });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error_code: 'bad_request' });
      }
    });

    it('passes on the problem of a worker and has its place free again', async () => {
      gateway.license.answer = () => granted({ maxConcurrent: 1 });
      gateway.worker.hear = () => {
        throw new ProblemError('artifact_corrupt');
      };
      expect((await post(form({ model: 'ink-2' }, wav(1)))).status).toBe(500);
      gateway.worker.hear = () => 'Yes.';
      expect((await post(form({ model: 'ink-2' }, wav(1)))).status).toBe(200);
      expect([await ended('done'), await ended('error')]).toEqual([1, 1]);
    });
  });

  describe('over POST /stt, where little of a file is kept', () => {
    beforeEach(async () => {
      await gateway.stop();
      gateway = await GatewayUnderTest.start({ maxUploadHeadBytes: 10_000, maxUploadBytes: 400_000 });
    });

    const long = wavFile(seconds(10), { encoding: 'pcm_s16le', sampleRateHz: rateHz });
    const post = async (
      ...parts: [string, string | Buffer][]
    ): Promise<{ status: number; body: Record<string, unknown> }> => {
      const data = new FormData();
      for (const [name, value] of parts) {
        if (typeof value === 'string') data.append(name, value);
        else data.append(name, new Blob([new Uint8Array(value)]), 'audio.wav');
      }
      const response = await fetch(`${gateway.http}/stt`, {
        method: 'POST',
        headers: { 'x-api-key': 'k' },
        body: data,
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    it('transcribes a long file once the model is known', async () => {
      expect(await post(['model', 'ink-2'], ['file', long])).toMatchObject({ status: 200, body: { duration: 10 } });
    });

    it('says that the model must come first', async () => {
      const { status, body } = await post(['file', long], ['model', 'ink-2']);
      expect(status).toBe(400);
      expect(body.message).toContain('model before the file');
    });

    it('says so of fields that would change what was begun', async () => {
      const { status, body } = await post(['model', 'ink-2'], ['file', long], ['timestamp_granularities[]', 'word']);
      expect(status).toBe(400);
      expect(body.message).toContain('timestamp_granularities');
    });

    it('refuses a file that is too large', async () => {
      const larger = wavFile(seconds(20), { encoding: 'pcm_s16le', sampleRateHz: rateHz });
      expect(await post(['model', 'ink-2'], ['file', larger])).toMatchObject({
        status: 413,
        body: { error_code: 'too_large' },
      });
    });
  });
});
