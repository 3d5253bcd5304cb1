import { wavFile } from '@app/speech/audio';
import { GatewayUnderTest, granted } from './support/gateway-under-test';
import { spoken } from './support/requests';
import { TestSocket } from './support/test-socket';

const recording = wavFile(new Float32Array(8_000), { encoding: 'pcm_s16le', sampleRateHz: 8_000 });
const refusal = { error_code: 'model_not_licensed' };

describe('a licence that names models', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const postFile = (model: string): Promise<Response> => {
    const body = new FormData();
    body.append('model', model);
    body.append('file', new Blob([new Uint8Array(recording)]), 'audio.wav');
    return fetch(`${gateway.http}/stt`, { method: 'POST', headers: { 'x-api-key': 'k' }, body });
  };

  it.each([
    ['/tts/bytes', () => gateway.post('/tts/bytes', spoken())],
    ['/tts/sse', () => gateway.post('/tts/sse', spoken())],
    ['/stt', () => postFile('ink-2')],
  ])('holds for POST %s, with one question to the license app', async (_path, post) => {
    gateway.license.answer = () => granted({ models: ['another'] });
    const response = await post();
    expect(await response.json()).toMatchObject(refusal);
    expect(response.status).toBe(403);
    expect(gateway.license.asked).toHaveLength(1);
    expect([gateway.worker.ttsJobs, gateway.worker.sttJobs]).toEqual([[], []]);
  });

  it('serves the models that it names, on sockets opened before a new licence too', async () => {
    gateway.license.answer = () => granted({ models: ['piper', 'whisper-tiny-en'] });
    expect((await gateway.post('/tts/bytes', spoken())).status).toBe(200);
    expect((await postFile('ink-2')).status).toBe(200);
    gateway.license.answer = ({ model }) => granted({ models: model === undefined ? ['another'] : ['piper'] });
    const client = await TestSocket.open(`${gateway.ws}/tts/websocket`);
    client.send({ ...spoken(), context_id: 'c' });
    await client.until(({ type }) => type === 'done');
    client.close();
  });

  it('holds while an earlier grant serves in an outage of the license app', async () => {
    gateway.license.answer = () => granted({ models: ['another'] });
    await postFile('ink-2');
    gateway.license.answer = () => ({ status: 500, body: {} });
    expect(await (await postFile('ink-2')).json()).toMatchObject(refusal);
  });
});
