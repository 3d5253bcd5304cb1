import { request as httpRequest } from 'node:http';
import { WebSocket } from 'ws';
import { until } from '../../../test/support/until';
import { encodePcm, wavFile } from '@app/speech/audio';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { gate, spoken } from './support/requests';
import { TestSocket } from './support/test-socket';

const rateHz = 16_000;
const second = new Float32Array(rateHz).fill(0.25);

/** A form with everything that POST /stt needs. */
function form(): { body: Buffer; type: string } {
  const boundary = 'xxxx';
  const part = (head: string): string => `--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(`${part('name="model"')}ink-2\r\n${part('name="file"; filename="a.wav"')}`),
    wavFile(second, { encoding: 'pcm_s16le', sampleRateHz: rateHz }),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

describe('a caller who leaves while the license app is asked', () => {
  let gateway: GatewayUnderTest;
  let answered: ReturnType<typeof gate>;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
    answered = gate();
    gateway.license.answer = async () => {
      await answered.opened;
      return granted({ maxConcurrent: 1 });
    };
  });
  afterEach(() => gateway.stop());

  const active = (kind: string): Promise<number> => gateway.metric(`antiphon_active_requests{kind="${kind}"}`);
  /** The gateway has read whatever happened before: it answers those who come later. */
  const roundTrips = async (): Promise<void> => {
    for (let count = 0; count < 3; count++) await (await fetch(gateway.http)).text();
  };
  /** Posts, leaves once the license app was asked, and lets that answer afterwards. */
  const postAndLeave = async (path: string, body: Buffer, type: string): Promise<void> => {
    const headers = { 'x-api-key': 'k', 'content-type': type, 'content-length': body.length };
    const request = httpRequest(`${gateway.http}${path}`, { method: 'POST', headers, agent: false });
    request.on('error', () => undefined);
    request.end(body);
    await until(() => gateway.license.asked.length === 1);
    request.destroy();
    await roundTrips();
    answered.open();
    await until(async () => (await gateway.metric('antiphon_errors_total{code="cancelled"}')) === 1);
  };

  it.each([
    ['/tts/bytes', 'raw'],
    ['/tts/bytes', 'wav'],
    ['/tts/sse', 'raw'],
  ])('has nothing spoken to it by %s as %s, and its concurrency slot is free', async (path, container) => {
    const output = { container, encoding: 'pcm_s16le', sample_rate: rateHz };
    await postAndLeave(path, Buffer.from(JSON.stringify(spoken({ output_format: output }))), 'application/json');
    expect(await active('tts')).toBe(0);
    expect((await gateway.post(path, spoken({ output_format: output }))).status).toBe(200);
    const [first] = gateway.worker.ttsJobs;
    expect(first).toBeDefined();
    expect(gateway.worker.ttsJobs.every(({ requestId }) => requestId === first!.requestId)).toBe(true);
  });

  it('has nothing of its upload recognised, and its concurrency slot is free', async () => {
    const { body, type } = form();
    await postAndLeave('/stt', body, type);
    expect(await active('stt')).toBe(0);
    const headers = { 'x-api-key': 'k', 'content-type': type };
    const response = await fetch(`${gateway.http}/stt`, { method: 'POST', headers, body: new Uint8Array(body) });
    expect(response.status).toBe(200);
    expect(gateway.worker.sttJobs).toHaveLength(1);
  });

  it.each([
    ['tts', '/tts/websocket'],
    ['stt', `/stt/websocket?model=ink-2&encoding=pcm_s16le&sample_rate=${rateHz}`],
  ])('opens no %s socket, and its concurrency slot is free', async (kind, path) => {
    const leaver = new WebSocket(`${gateway.ws}${path}`, { headers: { 'x-api-key': 'k' } });
    leaver.on('error', () => undefined);
    await until(() => gateway.license.asked.length === 1);
    leaver.terminate();
    await roundTrips();
    answered.open();
    // With one slot, whoever comes next gets in only if it is free.
    const client = await TestSocket.open(`${gateway.ws}${path}`);
    if (kind === 'tts') client.send({ context_id: 'c', ...spoken() });
    else client.send(encodePcm(second, 'pcm_s16le'));
    if (kind === 'tts') expect((await client.ended('c')).at(-1)!.type).toBe('done');
    else client.send('close');
    if (kind === 'stt') expect((await client.untilClosed()).code).toBe(1000);
    client.close();
    await until(async () => (await active(kind)) === 0);
    expect(gateway.worker.sttJobs).toHaveLength(kind === 'stt' ? 1 : 0);
  });

  it('has nothing more spoken to it on a socket', async () => {
    gateway.license.answer = () => granted({ maxConcurrent: 1 });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    gateway.license.answer = async () => {
      await answered.opened;
      return granted({ maxConcurrent: 1 });
    };
    const held = gate();
    gateway.worker.beforeWindow = () => held.opened;
    client.send({ context_id: 'c', ...spoken() });
    await until(() => gateway.license.asked.length === 2);
    client.close();
    await until(() => gateway.worker.running === 0 && gateway.worker.ttsJobs.length > 0);
    expect(await active('tts')).toBe(0);
    answered.open();
    held.open();
    const next = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    next.send({ context_id: 'd', ...spoken() });
    expect((await next.ended('d')).at(-1)!.type).toBe('done');
    next.close();
  });
});
