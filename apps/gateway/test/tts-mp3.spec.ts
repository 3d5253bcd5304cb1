import { mp3BitRates, mp3SampleRatesHz } from '@app/media';
import { sniffAudio } from '@app/speech/audio';
import { fakeRateHz } from './support/fake-worker';
import { GatewayUnderTest } from './support/gateway-under-test';
import { gate, spoken } from './support/requests';

describe('MP3 from POST /tts/bytes', () => {
  let gateway: GatewayUnderTest;

  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  const speak = (format: object, more: object = {}): Promise<Response> =>
    gateway.post('/tts/bytes', spoken({ output_format: format, ...more }));
  const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

  it('lasts as long as the speech, at every sample rate and at every bit rate', async () => {
    const raw = await bytesOf(await gateway.post('/tts/bytes', spoken()));
    const seconds = raw.length / 4 / fakeRateHz;
    const rates = mp3SampleRatesHz.map((sample_rate) => ({ sample_rate, bit_rate: 64_000 }));
    const bitRates = mp3BitRates.map((bit_rate) => ({ sample_rate: 44_100, bit_rate }));
    for (const wanted of [...rates, ...bitRates]) {
      const response = await speak({ container: 'mp3', ...wanted });
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'audio/mpeg']);
      const mp3 = await bytesOf(response);
      expect(sniffAudio(mp3)).toBe('mp3');
      expect(Math.abs((mp3.length * 8) / wanted.bit_rate - seconds)).toBeLessThan(0.3);
    }
  });

  it('takes the bit rate in kilobits too, has a default for it, and ignores an encoding', async () => {
    const lengths = [];
    for (const fields of [{ bit_rate: 128_000 }, { bit_rate: 128 }, {}, { encoding: 'pcm_f32le' }]) {
      lengths.push((await bytesOf(await speak({ container: 'mp3', sample_rate: 44_100, ...fields }))).length);
    }
    expect(new Set(lengths).size).toBe(1);
  });

  it('begins while the rest is still being made', async () => {
    const rest = gate();
    gateway.worker.beforeWindow = (_job, window) => (window > 0 ? rest.opened : undefined);
    const response = await speak({ container: 'mp3', sample_rate: 44_100 });
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    rest.open();
    while (!(await reader.read()).done);
  });

  it.each([
    [{ bit_rate: 100_000, sample_rate: 44_100 }, 'output_format.bit_rate of mp3 must be one of: 32000, 64000'],
    [{ bit_rate: 64_000, sample_rate: 12_345 }, 'output_format.sample_rate of mp3 must be one of: 8000, 16000'],
  ])('is refused with %j', async (fields, message) => {
    const response = await speak({ container: 'mp3', ...fields });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining(message) as string });
  });

  it('of a text without words is refused', async () => {
    const response = await speak({ container: 'mp3', sample_rate: 44_100 }, { transcript: '...' });
    expect(await response.json()).toMatchObject({ error_code: 'transcript_empty' });
  });
});
