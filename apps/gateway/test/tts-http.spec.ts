import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { ProblemError } from '@app/protocol';
import { until } from '../../../test/support/until';
import { fakeRateHz } from './support/fake-worker';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { gate, spoken, text } from './support/requests';

const format = (fields: object) => ({
  output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 22_050, ...fields },
});

describe('speech over HTTP', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const bytesOf = async (body: object): Promise<Buffer> => {
    const response = await gateway.post('/tts/bytes', body);
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };
  const secondsOfText = async (): Promise<number> => (await bytesOf(spoken())).length / 4 / fakeRateHz;

  describe('POST /tts/bytes', () => {
    it('gives the same audio at every rate and in every encoding, in whole samples', async () => {
      const seconds = await secondsOfText();
      for (const [encoding, width] of [
        ['pcm_s16le', 2],
        ['pcm_f32le', 4],
        ['pcm_mulaw', 1],
        ['pcm_alaw', 1],
      ] as const) {
        for (const sample_rate of [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]) {
          const bytes = await bytesOf(spoken(format({ encoding, sample_rate })));
          expect(bytes.length % width).toBe(0);
          expect(bytes.length / width / sample_rate).toBeCloseTo(seconds, 2);
        }
      }
    });

    it.each([
      ['pcm_s16le', 1],
      ['pcm_f32le', 3],
      ['pcm_alaw', 6],
      ['pcm_mulaw', 7],
    ])('writes a WAV header for %s whose length is open', async (encoding, code) => {
      const response = await gateway.post(
        '/tts/bytes',
        spoken(format({ container: 'wav', encoding, sample_rate: 8_000 })),
      );
      expect(response.headers.get('content-type')).toBe('audio/wav');
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 12)).toBe('RIFFWAVE');
      expect(bytes.readUInt32LE(4)).toBe(0xffffffff);
      expect(bytes.readUInt16LE(20)).toBe(code);
      expect(bytes.readUInt16LE(22)).toBe(1);
      expect(bytes.readUInt32LE(24)).toBe(8_000);
    });

    it('sends the first audio while the rest is still being made', async () => {
      const rest = gate();
      gateway.worker.beforeWindow = (_job, window) => (window > 0 ? rest.opened : undefined);
      const response = await gateway.post('/tts/bytes', spoken());
      const reader = response.body!.getReader();
      expect((await reader.read()).done).toBe(false);
      rest.open();
      while (!(await reader.read()).done);
    });

    it('is made as the client takes it, not as it would play: a minute of audio does not take a minute', async () => {
      const minute = 'Nobody listens to this, it is written to a file. '.repeat(140);
      const bytes = await bytesOf(spoken({ transcript: minute }));
      expect(bytes.length / 4 / fakeRateHz).toBeGreaterThan(60);
      // Paced it would take more than a minute; a busy machine is no fault.
    }, 30_000);

    it('reads the body as JSON whatever the content type, and ignores what it does not know', async () => {
      const seconds = await secondsOfText();
      for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded']) {
        const response = await rawPost(spoken({ language: null, max_buffer_delay_ms: 0, surprise: { a: 1 } }), type);
        expect(response.statusCode).toBe(200);
        let length = 0;
        for await (const piece of response as AsyncIterable<Buffer>) length += piece.length;
        expect(length / 4 / fakeRateHz).toBeCloseTo(seconds, 2);
      }
    });

    const rawPost = async (body: object, type: string | undefined): Promise<IncomingMessage> => {
      const headers = { 'x-api-key': 'k', ...(type ? { 'content-type': type } : {}) };
      const request = httpRequest(`${gateway.http}/tts/bytes`, { method: 'POST', headers });
      request.end(JSON.stringify(body));
      return ((await once(request, 'response')) as [IncomingMessage])[0];
    };

    it('takes a voice in every form that clients send', async () => {
      const lengths = await Promise.all(
        [
          'piper-joe',
          'joe',
          { id: 'piper-joe' },
          { mode: 'id', id: 'piper-joe' },
          'f786b574-daa5-4673-aa0c-cbe3e8534c02',
        ].map(async (voice) => (await bytesOf(spoken({ voice }))).length),
      );
      expect(new Set(lengths).size).toBe(1);
    });

    it.each([
      ['an unknown model', { model_id: 'azure' }, 400, 'model_not_found'],
      ['an unknown voice', { voice: 'nobody' }, 404, 'voice_not_found'],
      ['an embedding', { voice: { mode: 'embedding', embedding: [1] } }, 400, 'bad_request'],
      ['no voice', { voice: undefined }, 400, 'bad_request'],
      ['a language that is not installed', { language: 'de-DE' }, 400, 'language_not_supported'],
      ['an empty transcript', { transcript: '' }, 400, 'transcript_empty'],
      ['a transcript without anything to say', { transcript: ' … !' }, 400, 'transcript_empty'],
      ['a transcript that is no text', { transcript: 7 }, 400, 'bad_request'],
      ['a container that is not offered', format({ container: 'ogg' }), 400, 'bad_request'],
      [
        'an unknown container',
        { output_format: { container: 'aiff', sample_rate: 44_100, bit_rate: 128_000 } },
        400,
        'bad_request',
      ],
      ['a rate beyond what is offered', format({ sample_rate: 4_000 }), 400, 'bad_request'],
      ['a speed beyond what is offered', { generation_config: { speed: 9 } }, 400, 'bad_request'],
      ['a seed that is none', { seed: -1 }, 400, 'bad_request'],
    ])('refuses %s', async (_, fields, status, code) => {
      const response = await gateway.post('/tts/bytes', spoken(fields));
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        error_code: code,
        title: expect.any(String) as string,
        message: expect.any(String) as string,
        request_id: response.headers.get('x-request-id'),
      });
    });

    it('lists the installed languages when it knows another one only', async () => {
      const response = await gateway.post('/tts/bytes', spoken({ language: 'fr' }));
      expect(((await response.json()) as { message: string }).message).toContain('Installed: en');
    });

    it('refuses what is no JSON, and no body', async () => {
      for (const body of ['{"model_id":', '']) {
        const response = await gateway.post('/tts/bytes', body);
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error_code: 'bad_request' });
      }
    });

    it('refuses a body that is too large', async () => {
      const response = await gateway.post('/tts/bytes', spoken({ transcript: 'x'.repeat(1_100_000) }));
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error_code: 'too_large' });
    });

    it('answers a worker that fails before the first byte with a problem', async () => {
      gateway.worker.beforePlan = () => {
        throw new ProblemError('artifact_corrupt');
      };
      const response = await gateway.post('/tts/bytes', spoken());
      expect(response.status).toBe(500);
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(await response.json()).toMatchObject({ error_code: 'artifact_corrupt' });
    });

    it('cuts the connection when it fails after the first byte', async () => {
      const fail = gate();
      gateway.worker.beforeWindow = async (_job, window) => {
        if (window < 2) return;
        await fail.opened;
        throw new ProblemError('artifact_corrupt');
      };
      const response = await gateway.post('/tts/bytes', spoken());
      expect(response.status).toBe(200);
      fail.open();
      await expect(response.arrayBuffer()).rejects.toThrow();
      expect(await gateway.metric('antiphon_terminal_events_total{kind="tts",outcome="error"}')).toBeGreaterThan(0);
    });

    it('stops the work when the client has gone', async () => {
      const never = gate();
      gateway.worker.beforeWindow = (_job, window) => (window > 0 ? never.opened : undefined);
      const cut = new AbortController();
      const response = await fetch(`${gateway.http}/tts/bytes`, {
        method: 'POST',
        headers: { 'x-api-key': 'k' },
        body: JSON.stringify(spoken()),
        signal: cut.signal,
      });
      await response.body!.getReader().read();
      cut.abort();
      await until(() => gateway.worker.running === 0);
      never.open();
    });

    it('refuses what exceeds the concurrency of the key, and has room again afterwards', async () => {
      gateway.license.answer = () => granted({ maxConcurrent: 1 });
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      const first = gateway.post('/tts/bytes', spoken());
      await until(() => gateway.worker.ttsJobs.length > 0);
      for (const path of ['/tts/bytes', '/tts/sse']) {
        const second = await gateway.post(path, spoken());
        expect(second.status).toBe(429);
        expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await second.json()).toMatchObject({ error_code: 'concurrency_limited' });
      }
      hold.open();
      await (await first).arrayBuffer();
      expect((await gateway.post('/tts/bytes', spoken())).status).toBe(200);
    });

    it('asks for the wanted speed and seed, and gives the same bytes for the same seed', async () => {
      const one = await bytesOf(spoken({ seed: 5, generation_config: { speed: 1.5 } }));
      expect(gateway.worker.ttsJobs[0]).toMatchObject({ speed: 1.5, language: 'en', voice: 'piper-joe' });
      expect((await bytesOf(spoken({ seed: 5 }))).equals(one)).toBe(true);
      expect((await bytesOf(spoken({ seed: 6 }))).equals(one)).toBe(false);
      await bytesOf(spoken({ speed: 'slow' }));
      expect(gateway.worker.ttsJobs.at(-1)).toMatchObject({ speed: 0.8 });
    });

    it('makes it softer as asked', async () => {
      const peak = (bytes: Buffer): number =>
        Math.max(...new Float32Array(bytes.buffer.slice(bytes.byteOffset)).map(Math.abs));
      const loud = peak(await bytesOf(spoken()));
      expect(peak(await bytesOf(spoken({ generation_config: { volume: 0.5 } })))).toBeCloseTo(loud / 2, 5);
    });

    it('says pauses as silence', async () => {
      const plain = await bytesOf(spoken({ transcript: 'One thing. Another thing.' }));
      const paused = await bytesOf(spoken({ transcript: 'One thing. <break time="1s"/> Another thing.' }));
      expect((paused.length - plain.length) / 4).toBeCloseTo(fakeRateHz, -2);
    });

    it('is refused when no worker takes it in time', async () => {
      await gateway.worker.stop();
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
      try {
        const answer = gateway.post('/tts/bytes', spoken());
        for (let i = 0; i < 200; i++) {
          await new Promise(setImmediate);
          jest.advanceTimersByTime(100);
        }
        const response = await answer;
        expect(response.status).toBe(503);
        expect(await response.json()).toMatchObject({ error_code: 'deadline_exceeded' });
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      } finally {
        jest.useRealTimers();
      }
    });
  });

  describe('POST /tts/sse', () => {
    const events = async (body: object): Promise<Record<string, unknown>[]> => {
      const response = await gateway.post('/tts/sse', body);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      return (await response.text())
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>);
    };

    it('gives audio, the times of words when asked, and done', async () => {
      const all = await events(spoken({ add_timestamps: true, context_id: 'c' }));
      expect(new Set(all.map(({ type }) => type))).toEqual(new Set(['chunk', 'timestamps', 'done']));
      expect(all.at(-1)).toMatchObject({ type: 'done', done: true, status_code: 206, context_id: 'c' });
      const words = all.flatMap(
        ({ word_timestamps: words }) => (words as { words: string[] } | undefined)?.words ?? [],
      );
      expect(words.join(' ')).toBe(text);
      expect((await events(spoken())).every((event) => !('context_id' in event) && event.type !== 'timestamps')).toBe(
        true,
      );
    });

    it('gives the audio that /tts/bytes gives', async () => {
      const bytes = Buffer.concat(
        (await events(spoken())).map(({ data }) => Buffer.from((data as string) ?? '', 'base64')),
      );
      expect(bytes.equals(await bytesOf(spoken()))).toBe(true);
    });

    it('has its headers out before the first audio', async () => {
      const hold = gate();
      gateway.worker.beforePlan = () => hold.opened;
      const response = await gateway.post('/tts/sse', spoken());
      expect(response.status).toBe(200);
      hold.open();
      await response.text();
    });

    it('tells a later failure as an event', async () => {
      gateway.worker.beforeWindow = (_job, window) => {
        if (window === 1) throw new ProblemError('artifact_corrupt');
      };
      const body = await (await gateway.post('/tts/sse', spoken())).text();
      expect(body).toContain('event: error\ndata: {');
      expect(JSON.parse(body.split('data: ').at(-1)!)).toMatchObject({
        type: 'error',
        error_code: 'artifact_corrupt',
        done: true,
      });
    });

    it('offers raw audio only', async () => {
      expect((await gateway.post('/tts/sse', spoken(format({ container: 'wav' })))).status).toBe(400);
    });
  });
});
