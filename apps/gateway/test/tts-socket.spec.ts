import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '@app/protocol';
import { fakeRateHz, fakeSample, samplesPerCharacter } from './support/fake-worker';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { gate, generation, spoken, text } from './support/requests';
import { audioOf, TestSocket, type ServerMessage } from './support/test-socket';

describe('the TTS socket', () => {
  let gateway: GatewayUnderTest;
  let client: TestSocket;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start({ contextExpiryMs: 60_000 });
    client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
  });
  afterEach(async () => {
    client.close();
    await gateway.stop();
  });

  const say = (contextId: string, fields: object): void =>
    client.send({ context_id: contextId, ...generation(), ...fields });
  /** Answers to a later message of another context prove that nothing more was to come. */
  const settled = async (): Promise<void> => {
    const id = `probe-${client.messages.length}`;
    say(id, { transcript: '', continue: false });
    await client.ended(id);
  };
  const terminals = (): Promise<number[]> =>
    Promise.all(
      ['done', 'error', 'cancelled'].map((outcome) =>
        gateway.metric(`antiphon_terminal_events_total{kind="tts",outcome="${outcome}"}`),
      ),
    );
  const typesOf = (messages: readonly ServerMessage[]): string[] => messages.map(({ type }) => type);

  it('speaks a whole text: chunks with every key that clients insist on, then one done', async () => {
    client.send({ context_id: 'c', ...spoken() });
    const messages = await client.ended('c');
    expect(typesOf(messages).lastIndexOf('chunk')).toBe(messages.length - 2);
    expect(messages.at(-1)).toEqual({ type: 'done', context_id: 'c', done: true, status_code: 206 });
    for (const chunk of messages.slice(0, -1)) {
      expect(chunk).toEqual({
        type: 'chunk',
        context_id: 'c',
        data: expect.any(String) as string,
        done: false,
        status_code: 206,
        step_time: expect.any(Number) as number,
      });
      expect(Buffer.from(chunk.data!, 'base64').length % 4).toBe(0);
    }
    expect(await terminals()).toEqual([1, 0, 0]);
  });

  it('gives the samples that the worker made, each once and in order', async () => {
    client.send({ context_id: 'c', ...spoken() });
    const audio = audioOf(await client.ended('c'));
    const expected = gateway.worker.ttsJobs.flatMap((job) =>
      Array.from({ length: job.text.length * samplesPerCharacter }, (_, at) => fakeSample(job, at)),
    );
    expect(audio.equals(Buffer.from(Float32Array.from(expected).buffer))).toBe(true);
  });

  it('publishes the first utterance of a context ahead of the rest, each with a seed of its own', async () => {
    client.send({ context_id: 'c', ...spoken({ seed: 3 }) });
    await client.ended('c');
    const first = [...gateway.worker.ttsJobs];
    expect(first.length).toBeGreaterThan(1);
    expect(new Set(first.map(({ seed }) => seed)).size).toBe(first.length);
    client.send({ context_id: 'd', ...spoken({ seed: 3 }) });
    await client.ended('d');
    expect(gateway.worker.ttsJobs.slice(first.length).map(({ seed }) => seed)).toEqual(first.map(({ seed }) => seed));
  });

  it.each(['', ' '])('joins pieces of text as they are and ends with "%s"', async (ending) => {
    for (const piece of ['Hel', 'lo there, th', 'is is a test', ' of the gateway.'])
      say('c', { transcript: piece, continue: true });
    await settled();
    expect(client.of('c').some(({ done }) => done)).toBe(false);
    say('c', { transcript: ending, continue: false });
    const chopped = audioOf(await client.ended('c'));
    client.send({ context_id: 'whole', ...spoken() });
    expect(audioOf(await client.ended('whole')).equals(chopped)).toBe(true);
  });

  it('makes up a context id where none was given, and gives it back', async () => {
    client.send(spoken());
    const [done] = await client.until((message) => message.done === true);
    expect(done!.context_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keeps contexts apart that speak at the same time', async () => {
    const hold = gate();
    gateway.worker.beforeWindow = async (_job, window) => (window === 2 ? hold.opened : undefined);
    say('a', { transcript: 'The first of the two contexts.', continue: false });
    say('b', { transcript: 'And here is the second one of them.', continue: false });
    await client.until(({ type, context_id: id }) => type === 'chunk' && id === 'a');
    await client.until(({ type, context_id: id }) => type === 'chunk' && id === 'b');
    hold.open();
    const [a, b] = [audioOf(await client.ended('a')), audioOf(await client.ended('b'))];
    expect(a.length / 4).toBe(
      gateway.worker.ttsJobs
        .filter((job) => 'The first of the two contexts.'.includes(job.text))
        .reduce((sum, job) => sum + job.text.length, 0) * samplesPerCharacter,
    );
    expect(b.length).toBeGreaterThan(a.length);
  });

  it('is not held up by a context that waits for its authorisation', async () => {
    const hold = gate();
    gateway.license.answer = async () => {
      if (gateway.license.asked.length === 2) await hold.opened;
      return granted();
    };
    say('slow', { transcript: text, continue: false });
    say('fast', { transcript: text, continue: false });
    await client.ended('fast');
    expect(client.of('slow')).toEqual([]);
    hold.open();
    await client.ended('slow');
  });

  describe('closing messages', () => {
    it('are answered with done for a context that never was', async () => {
      say('c', { transcript: ' ', continue: false });
      expect(await client.ended('c')).toEqual([{ type: 'done', context_id: 'c', done: true, status_code: 206 }]);
      expect(await terminals()).toEqual([0, 0, 0]);
    });

    it('are answered with done once more after an error, which alone is accounted', async () => {
      say('c', { transcript: 'First.', voice: 'nobody', continue: true });
      await client.ended('c');
      say('c', { transcript: 'Second.', voice: 'nobody', continue: true });
      await client.ended('c', 2);
      say('c', { transcript: ' ', continue: false });
      const messages = await client.ended('c', 3);
      expect(typesOf(messages)).toEqual(['error', 'error', 'done']);
      expect(await terminals()).toEqual([0, 2, 0]);
    });

    it('are answered once when they come twice while the context speaks', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      client.send({ context_id: 'c', ...spoken() });
      say('c', { transcript: '', continue: false });
      hold.open();
      await client.ended('c');
      await settled();
      expect(client.of('c').filter(({ done }) => done)).toHaveLength(1);
    });

    it('leave nothing to say to text that comes after them but in a next context of the id', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      say('c', { transcript: 'One.', continue: false });
      say('c', { transcript: 'Two.', continue: true });
      say('c', { transcript: '', continue: false });
      hold.open();
      const messages = await client.ended('c', 2);
      expect(messages.filter(({ done }) => done)).toHaveLength(2);
      expect(messages.at(-1)!.type).toBe('done');
      expect(gateway.worker.ttsJobs.map((job) => job.text)).toEqual(['One.', 'Two.']);
      expect(await terminals()).toEqual([2, 0, 0]);
    });

    it('do not end what has only been continued', async () => {
      say('c', { transcript: 'A sentence that is whole. ', continue: true });
      say('c', { transcript: '', continue: true });
      await client.until(({ type }) => type === 'chunk');
      await settled();
      expect(client.of('c').some(({ done }) => done)).toBe(false);
    });
  });

  describe('errors', () => {
    it('have the keys of old and new clients and leave other contexts alone', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      client.send({ context_id: 'good', ...spoken() });
      client.send({ context_id: 'bad', ...spoken({ voice: 'nobody' }) });
      const [error] = await client.ended('bad');
      expect(error).toEqual({
        type: 'error',
        context_id: 'bad',
        done: true,
        status_code: 404,
        error_code: 'voice_not_found',
        title: 'Voice not found',
        message: expect.any(String) as string,
        error: `Voice not found: ${error!.message as string}`,
        request_id: expect.any(String) as string,
      });
      hold.open();
      expect((await client.ended('good')).at(-1)!.type).toBe('done');
      expect(client.messages.filter(({ type }) => type !== 'error').every((message) => !('error' in message))).toBe(
        true,
      );
    });

    it.each([
      ['an unknown model', { model_id: 'azure' }, 'model_not_found'],
      ['another language', { language: 'zh' }, 'language_not_supported'],
      ['no output format', { output_format: undefined }, 'bad_request'],
      [
        'a container for files',
        { output_format: { container: 'wav', encoding: 'pcm_s16le', sample_rate: 8_000 } },
        'bad_request',
      ],
      ['a transcript that is no text', { transcript: 5 }, 'bad_request'],
      ['too much text', { transcript: 'word '.repeat(50_000) }, 'too_large'],
    ])('name the context for %s', async (_, fields, code) => {
      client.send({ context_id: 'c', ...spoken(fields) });
      expect(await client.ended('c')).toMatchObject([{ type: 'error', error_code: code, done: true }]);
      expect(await terminals()).toEqual([0, 1, 0]);
    });

    it('end a running context when a message about it makes no sense', async () => {
      const never = gate();
      gateway.worker.beforeWindow = () => never.opened;
      client.send({ context_id: 'c', ...spoken({ continue: true }) });
      while (gateway.worker.running === 0) await delay(1);
      client.send({ context_id: 'c', transcript: 'More.', continue: 'yes' });
      expect(typesOf(await client.ended('c'))).toEqual(['error']);
      while (gateway.worker.running > 0) await delay(1);
      never.open();
      expect(await terminals()).toEqual([0, 1, 0]);
    });

    it.each([
      ['what is no JSON', '{"context_id"'],
      ['what is no object', '[1]'],
      ['a context id that is none', '{"context_id": 7}'],
    ])('of the connection name no context, and end it: %s', async (_, frame) => {
      client.send(frame);
      const closed = await client.untilClosed();
      expect(closed.code).toBe(1008);
      expect(client.messages).toHaveLength(1);
      expect(client.messages[0]).toMatchObject({
        type: 'error',
        status_code: 400,
        done: true,
        error: expect.any(String) as string,
      });
      expect('context_id' in client.messages[0]!).toBe(false);
    });

    it('tell that frames must be text', async () => {
      client.send(Uint8Array.of(1, 2, 3));
      expect((await client.untilClosed()).code).toBe(1003);
    });

    it('of a worker reach the context', async () => {
      gateway.worker.beforePlan = () => {
        throw new ProblemError('artifact_corrupt');
      };
      client.send({ context_id: 'c', ...spoken() });
      expect(await client.ended('c')).toMatchObject([
        { type: 'error', error_code: 'artifact_corrupt', status_code: 500 },
      ]);
    });
  });

  it('closes a socket whose frame is too large, and goes on serving', async () => {
    client.send('x'.repeat(1_100_000));
    expect((await client.untilClosed()).code).toBe(1009);
    client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ context_id: 'c', ...spoken() });
    await client.ended('c');
  });

  it('answers 100 KB of text in one message, in frames that clients can take, and pings meanwhile', async () => {
    gateway.worker.beforeWindow = () => undefined;
    const output = { output_format: { container: 'raw', encoding: 'pcm_f32le', sample_rate: 48_000 } };
    say('c', { transcript: 'All work and no play makes a dull day. '.repeat(2_600), continue: false, ...output });
    await client.until(({ type }) => type === 'chunk', 5);
    const pong = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping();
    await pong;
    client.send({ context_id: 'c', cancel: true });
    const messages = await client.ended('c');
    expect(Math.max(...messages.map((message) => JSON.stringify(message).length))).toBeLessThan(1_048_576);
  });

  describe('flush', () => {
    it('says everything so far, then flush_done with its number; the context goes on', async () => {
      say('c', { transcript: 'Half a sen', continue: true });
      await settled();
      expect(client.of('c')).toEqual([]);
      say('c', { transcript: '', continue: true, flush: true });
      const [first] = await client.until(({ type }) => type === 'flush_done');
      expect(first).toEqual({
        type: 'flush_done',
        context_id: 'c',
        done: false,
        flush_done: true,
        flush_id: 1,
        status_code: 206,
      });
      say('c', { transcript: 'And another half', continue: true, flush: true });
      const [, second] = await client.until(({ type }) => type === 'flush_done', 2);
      expect(second!.flush_id).toBe(2);
      say('c', { transcript: 'The end.', continue: false });
      const chunks = (await client.ended('c')).filter(({ type }) => type === 'chunk');
      expect([...new Set(chunks.map(({ flush_id: id }) => id))]).toEqual([1, 2, 3]);
      expect(gateway.worker.ttsJobs.map((job) => job.text)).toEqual(['Half a sen', 'And another half', 'The end.']);
    });

    it('numbers no chunk of a context without flushes', async () => {
      client.send({ context_id: 'c', ...spoken() });
      expect((await client.ended('c')).some((message) => 'flush_id' in message)).toBe(false);
    });

    it('comes by itself after each submission when nothing is to be buffered', async () => {
      say('c', { transcript: 'Say this', continue: true, max_buffer_delay_ms: 0 });
      await client.until(({ type }) => type === 'flush_done');
      expect(audioOf(client.of('c')).length / 4).toBe('Say this'.length * samplesPerCharacter);
      say('c', { transcript: 'and that', continue: true, max_buffer_delay_ms: 0 });
      await client.until(({ flush_id: id, type }) => type === 'flush_done' && id === 2);
      say('c', { transcript: '', continue: false });
      expect((await client.ended('c')).at(-1)!.type).toBe('done');
    });
  });

  it('speaks what waits for more text when nothing comes within the delay', async () => {
    say('c', { transcript: 'An unfinished', continue: true, max_buffer_delay_ms: 30 });
    await client.until(({ type }) => type === 'chunk');
    expect(gateway.worker.ttsJobs[0]!.text).toBe('An unfinished');
  });

  describe('cancel', () => {
    it('stops the work, says done once and nothing after it', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = (_job, window) => (window > 1 ? hold.opened : undefined);
      client.send({ context_id: 'c', ...spoken() });
      await client.until(({ type }) => type === 'chunk');
      client.send({ context_id: 'c', cancel: true });
      const cancelled = await client.ended('c');
      expect(cancelled.at(-1)!.type).toBe('done');
      while (gateway.worker.running > 0) await delay(1);
      hold.open();
      await settled();
      expect(client.of('c')).toHaveLength(cancelled.length);
      expect(await terminals()).toEqual([0, 0, 1]);
    });

    it('of an unknown context is passed over', async () => {
      client.send({ context_id: 'nobody', cancel: true });
      await settled();
      expect(client.of('nobody')).toEqual([]);
    });

    it('leaves the id free for a next context', async () => {
      client.send({ context_id: 'c', ...spoken({ continue: true }) });
      client.send({ context_id: 'c', cancel: true });
      await client.ended('c');
      client.send({ context_id: 'c', ...spoken() });
      expect(audioOf(await client.ended('c', 2)).length).toBeGreaterThan(0);
    });
  });

  describe('timestamps', () => {
    it('name the words of the transcript in order, in seconds from the start of the context', async () => {
      client.send({ context_id: 'c', ...spoken({ add_timestamps: true }) });
      const messages = await client.ended('c');
      const stamps = messages
        .filter(({ type }) => type === 'timestamps')
        .map(({ word_timestamps: stamp }) => stamp as Stamps);
      expect(stamps.flatMap(({ words }) => words)).toEqual(text.split(' '));
      const starts = stamps.flatMap(({ start }) => start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      expect(stamps.flatMap(({ end }) => end).at(-1)).toBeCloseTo(audioOf(messages).length / 4 / fakeRateHz, 3);
      expect(messages.some(({ type }) => type === 'phoneme_timestamps')).toBe(false);
    });

    it('of phonemes come when asked for', async () => {
      client.send({ context_id: 'c', ...spoken({ add_phoneme_timestamps: true }) });
      const messages = await client.ended('c');
      expect(messages.find(({ type }) => type === 'phoneme_timestamps')!.phoneme_timestamps).toMatchObject({
        phonemes: expect.any(Array) as string[],
        start: expect.any(Array) as number[],
        end: expect.any(Array) as number[],
      });
      expect(messages.some(({ type }) => type === 'timestamps')).toBe(false);
    });
  });

  describe('concurrency', () => {
    beforeEach(() => {
      gateway.license.answer = () => granted({ maxConcurrent: 1 });
    });

    it('refuses a context beyond it and leaves the others unharmed', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      client.send({ context_id: 'a', ...spoken() });
      while (gateway.worker.running === 0) await delay(1);
      client.send({ context_id: 'b', ...spoken() });
      expect(await client.ended('b')).toMatchObject([
        { type: 'error', status_code: 429, error_code: 'concurrency_limited' },
      ]);
      hold.open();
      expect((await client.ended('a')).at(-1)!.type).toBe('done');
    });

    it('does not count an open context whose audio is out', async () => {
      say('a', { transcript: 'A sentence. ', continue: true, max_buffer_delay_ms: 0 });
      await client.until(({ type }) => type === 'flush_done');
      client.send({ context_id: 'b', ...spoken() });
      expect((await client.ended('b')).at(-1)!.type).toBe('done');
    });
  });

  it('stops all contexts of a socket that closes in mid-audio', async () => {
    const never = gate();
    gateway.worker.beforeWindow = (_job, window) => (window > 0 ? never.opened : undefined);
    client.send({ context_id: 'a', ...spoken() });
    client.send({ context_id: 'b', ...spoken({ continue: true }) });
    await client.until(({ type }) => type === 'chunk', 2);
    client.close();
    while (gateway.worker.running > 0) await delay(1);
    never.open();
    expect(await terminals()).toEqual([0, 0, 2]);
    expect(await gateway.metric('antiphon_active_requests{kind="tts"}')).toBe(0);
  });

  it('goes on with another worker where the first one died, no sample twice', async () => {
    let hasDied = false;
    gateway.worker.beforeWindow = (_job, window) => {
      if (window !== 3 || hasDied) return;
      hasDied = true;
      throw new Error('engine died');
    };
    client.send({ context_id: 'c', ...spoken({ transcript: 'One utterance of some length' }) });
    const audio = audioOf(await client.ended('c'));
    const [job] = gateway.worker.ttsJobs;
    const expected = Float32Array.from({ length: job!.text.length * samplesPerCharacter }, (_, at) =>
      fakeSample(job!, at),
    );
    expect(gateway.worker.ttsJobs.length).toBeGreaterThan(1);
    expect(audio.equals(Buffer.from(expected.buffer))).toBe(true);
  });

  it('asks open sockets to come back when the server stops, idle ones at once', async () => {
    const busy = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    const hold = gate();
    gateway.worker.beforeWindow = () => hold.opened;
    busy.send({ context_id: 'c', ...spoken() });
    while (gateway.worker.running === 0) await delay(1);
    const exitCode = gateway.drain();
    expect(await client.untilClosed()).toEqual({ code: 1012, reason: 'draining' });
    expect(busy.closed).toBeUndefined();
    hold.open();
    expect((await busy.ended('c')).at(-1)!.type).toBe('done');
    expect((await busy.untilClosed()).code).toBe(1012);
    expect(await exitCode).toBe(0);
  });
});

describe('a TTS socket with short times', () => {
  let gateway: GatewayUnderTest;

  afterEach(() => gateway.stop());

  it('is closed when it is silent', async () => {
    gateway = await GatewayUnderTest.start({ ttsIdleMs: 50 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    expect((await client.untilClosed()).code).toBe(1000);
  });

  it('forgets a context that nobody goes on with, without a word', async () => {
    gateway = await GatewayUnderTest.start({ contextExpiryMs: 30 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ context_id: 'c', ...generation(), transcript: 'A sentence. ', continue: true, flush: true });
    await client.until(({ type }) => type === 'flush_done');
    while ((await gateway.metric('antiphon_active_requests{kind="tts"}')) > 0) await delay(5);
    expect(client.of('c').some(({ done }) => done)).toBe(false);
    client.send({ context_id: 'c', ...generation(), transcript: '', continue: false });
    expect((await client.ended('c')).at(-1)!.type).toBe('done');
    expect(await gateway.metric('antiphon_terminal_events_total{kind="tts",outcome="cancelled"}')).toBeGreaterThan(0);
    client.close();
  });

  it('has at most two utterances of a context with workers, and none too far ahead of the listener', async () => {
    gateway = await GatewayUnderTest.start({ ttsAheadMs: 1_000 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    let most = 0;
    gateway.worker.beforeWindow = () => {
      most = Math.max(most, gateway.worker.running);
    };
    const sentence =
      'This is a sentence of one hundred and some characters, which takes a second or so to be spoken aloud. ';
    client.send({ context_id: 'c', ...generation(), transcript: sentence.repeat(20), continue: false });
    await client.until(({ type }) => type === 'chunk', 10);
    await delay(100);
    expect(most).toBeLessThanOrEqual(2);
    const madeSeconds =
      gateway.worker.ttsJobs.reduce((sum, job) => sum + job.text.length, 0) * (samplesPerCharacter / fakeRateHz);
    expect(madeSeconds).toBeLessThan(6);
    expect(gateway.worker.ttsJobs.at(-1)!.bufferedMs).toBeGreaterThan(0);
    client.close();
  });
});

interface Stamps {
  readonly words: string[];
  readonly start: number[];
  readonly end: number[];
}
