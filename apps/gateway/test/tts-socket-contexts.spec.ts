import { ProblemError } from '@app/protocol';
import { until } from '../../../test/support/until';
import { fakeRateHz, fakeSample, samplesPerCharacter } from './support/fake-worker';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { gate, generation, spoken, text } from './support/requests';
import { audioOf, TestSocket } from './support/test-socket';

describe('contexts of the TTS socket', () => {
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
      await until(() => gateway.worker.running === 0);
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
    beforeEach(async () => {
      gateway.license.answer = () => granted({ maxConcurrent: 1 });
      client.close();
      client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    });

    it('refuses a context beyond it and leaves the others unharmed', async () => {
      const hold = gate();
      gateway.worker.beforeWindow = () => hold.opened;
      client.send({ context_id: 'a', ...spoken() });
      await until(() => gateway.worker.running > 0);
      client.send({ context_id: 'b', ...spoken() });
      expect(await client.ended('b')).toMatchObject([
        { type: 'error', status_code: 429, error_code: 'concurrency_limited' },
      ]);
      hold.open();
      expect((await client.ended('a')).at(-1)!.type).toBe('done');
    });

    it('holds from the next answer on when it has become smaller', async () => {
      gateway.license.answer = () => granted({ maxConcurrent: 0 });
      client.send({ context_id: 'a', ...spoken() });
      expect(await client.ended('a')).toMatchObject([{ type: 'error', status_code: 429 }]);
      await until(() => gateway.worker.running === 0);
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
    await until(() => gateway.worker.running === 0);
    never.open();
    expect(await terminals()).toEqual([0, 0, 2]);
    expect(await gateway.metric('antiphon_active_requests{kind="tts"}')).toBe(0);
  });

  it('goes on with another worker where the first one died, no sample twice', async () => {
    let hasDied = false;
    gateway.worker.beforeWindow = (_job, window) => {
      if (window !== 3 || hasDied) return;
      hasDied = true;
      throw new ProblemError('internal');
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
    await until(() => gateway.worker.running > 0);
    const exitCode = gateway.drain();
    expect(await client.untilClosed()).toEqual({ code: 1012, reason: 'draining' });
    expect(busy.closed).toBeUndefined();
    hold.open();
    expect((await busy.ended('c')).at(-1)!.type).toBe('done');
    expect((await busy.untilClosed()).code).toBe(1012);
    expect(await exitCode).toBe(0);
  });
});

interface Stamps {
  readonly words: string[];
  readonly start: number[];
  readonly end: number[];
}
