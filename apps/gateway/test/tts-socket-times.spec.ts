import { until } from '../../../test/support/until';
import { fakeRateHz, samplesPerCharacter } from './support/fake-worker';
import { GatewayUnderTest } from './support/gateway-under-test';
import { generation } from './support/requests';
import { audioOf, TestSocket } from './support/test-socket';

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
    await until(async () => (await gateway.metric('antiphon_active_requests{kind="tts"}')) === 0);
    expect(client.of('c').some(({ done }) => done)).toBe(false);
    client.send({ context_id: 'c', ...generation(), transcript: '', continue: false });
    expect((await client.ended('c')).at(-1)!.type).toBe('done');
    expect(await gateway.metric('antiphon_terminal_events_total{kind="tts",outcome="cancelled"}')).toBeGreaterThan(0);
    client.close();
  });

  it('has at most two utterances of a context with workers, and none too far ahead of the listener', async () => {
    gateway = await GatewayUnderTest.start({ ttsAheadMs: 1_000, ttsHeldMs: 1_000 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    let most = 0;
    gateway.worker.beforeWindow = () => {
      most = Math.max(most, gateway.worker.running);
    };
    const sentence =
      'This is a sentence of one hundred and some characters, which takes a second or so to be spoken aloud. ';
    client.send({ context_id: 'c', ...generation(), transcript: sentence.repeat(20), continue: false });
    await client.until(({ type }) => type === 'chunk', 10);
    // The gateway answers others and begins no utterance meanwhile: it waits for the listener.
    await until(async () => {
      const begun = gateway.worker.ttsJobs.length;
      for (let count = 0; count < 3; count++) await (await fetch(gateway.http)).text();
      return gateway.worker.running === 0 && gateway.worker.ttsJobs.length === begun;
    });
    expect(most).toBeLessThanOrEqual(2);
    const madeSeconds =
      gateway.worker.ttsJobs.reduce((sum, job) => sum + job.text.length, 0) * (samplesPerCharacter / fakeRateHz);
    expect(madeSeconds).toBeLessThan(6);
    expect(gateway.worker.ttsJobs.at(-1)!.bufferedMs).toBeGreaterThan(0);
    client.close();
  });

  it('sends what it held back when the server stops, and says done', async () => {
    gateway = await GatewayUnderTest.start({ ttsAheadMs: 1_000, drainMs: 10_000 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    const transcript = 'Nobody waits for the end of this when it has been made. '.repeat(120);
    client.send({ context_id: 'c', ...generation(), transcript, continue: false });
    await client.until(({ type }) => type === 'chunk');
    const exitCode = gateway.drain();
    const messages = await client.ended('c');
    expect(messages.at(-1)!.type).toBe('done');
    const samples = gateway.worker.ttsJobs.reduce((sum, job) => sum + job.text.length, 0) * samplesPerCharacter;
    expect(audioOf(messages).length / 4).toBe(samples);
    expect((await client.untilClosed()).code).toBe(1012);
    expect(await exitCode).toBe(0);
  });
});
