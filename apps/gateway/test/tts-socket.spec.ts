import { ProblemError } from '@app/protocol';
import { until } from '../../../test/support/until';
import { fakeSample, samplesPerCharacter } from './support/fake-worker';
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
      if (gateway.license.asked.length === 3) await hold.opened;
      return granted();
    };
    say('fast', { transcript: text, continue: true });
    await client.until(({ type, context_id: id }) => type === 'chunk' && id === 'fast');
    say('slow', { transcript: text, continue: false });
    say('fast', { transcript: text, continue: false });
    await client.ended('fast');
    expect(client.of('slow')).toEqual([]);
    hold.open();
    await client.ended('slow');
  });

  it('lets nothing out of a context that is refused, and stops its work', async () => {
    const hold = gate();
    gateway.license.answer = async () => {
      await hold.opened;
      return { status: 402, body: { error_code: 'license_expired' } };
    };
    const never = gate();
    gateway.worker.beforeWindow = (_job, window) => (window > 1 ? never.opened : undefined);
    say('c', { transcript: text, continue: false });
    await until(() => gateway.worker.running > 0);
    await settled();
    hold.open();
    expect(await client.ended('c')).toMatchObject([{ type: 'error', status_code: 402, error_code: 'license_expired' }]);
    await until(() => gateway.worker.running === 0);
    never.open();
  });

  describe('closing messages', () => {
    it('are answered with done for a context that never was', async () => {
      say('c', { transcript: ' ', continue: false });
      expect(await client.ended('c')).toEqual([{ type: 'done', context_id: 'c', done: true, status_code: 206 }]);
      expect(await terminals()).toEqual([0, 0, 0]);
    });

    it('are answered once more after an error, which alone is accounted', async () => {
      say('c', { transcript: 'First.', voice: 'nobody', continue: true });
      await client.ended('c');
      say('c', { transcript: 'Second.', voice: 'nobody', continue: true });
      await client.ended('c', 2);
      say('c', { transcript: ' ', continue: false });
      const messages = await client.ended('c', 3);
      expect(typesOf(messages)).toEqual(['error', 'error', 'error']);
      expect(messages[2]).toEqual(messages[1]);
      expect(await gateway.metric('antiphon_errors_total{code="voice_not_found"}')).toBe(2);
      say('c', { transcript: ' ', continue: false });
      expect(typesOf(await client.ended('c', 4)).at(-1)).toBe('done');
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
      await until(() => gateway.worker.running > 0);
      client.send({ context_id: 'c', transcript: 'More.', continue: 'yes' });
      expect(typesOf(await client.ended('c'))).toEqual(['error']);
      await until(() => gateway.worker.running === 0);
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
});
