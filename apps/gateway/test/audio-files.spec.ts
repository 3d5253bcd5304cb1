import { encodePcm, wavFile, wavHeader } from '@app/speech/audio';
import { encodedAudio } from '../../../test/support/encoded-audio';
import { GatewayUnderTest } from './support/gateway-under-test';

const seconds = 3;
const tone = (rateHz: number): Float32Array =>
  Float32Array.from({ length: rateHz * seconds }, (_, at) => Math.sin((2 * Math.PI * 440 * at) / rateHz) / 2);

describe('files for POST /stt', () => {
  let gateway: GatewayUnderTest;
  let files: Map<string, Buffer>;
  const fileOf = (name: string): Buffer => files.get(name) ?? Buffer.alloc(0);

  beforeAll(async () => {
    files = await encodedAudio(tone(48_000), 48_000, 600);
  });
  beforeEach(async () => {
    gateway = await GatewayUnderTest.start();
  });
  afterEach(() => gateway.stop());

  async function post(
    file: Uint8Array,
    { name = 'a.wav', type = '', parameters = '' } = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(file)], { type }), name);
    form.append('model', 'ink-2');
    const url = `${gateway.http}/stt${parameters}`;
    const response = await fetch(url, { method: 'POST', headers: { 'x-api-key': 'k' }, body: form });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  const durationOf = async (...args: Parameters<typeof post>): Promise<number> => {
    const { status, body } = await post(...args);
    expect([status, body.message]).toEqual([200, undefined]);
    return body.duration as number;
  };

  it.each([
    'adts.aac',
    'flac.flac',
    'flac.ogg',
    'fragmented.m4a',
    'index-first.m4a',
    'index-last.m4a',
    'lame.mp3',
    'opus.ogg',
    'opus.webm',
    'vorbis.ogg',
  ])('are known by their content: %s, named a.wav and typed as audio/wav', async (name) => {
    expect(Math.abs((await durationOf(fileOf(name), { type: 'audio/wav' })) - seconds)).toBeLessThan(0.1);
  });

  it('may be ten minutes of M4A with the index at the end', async () => {
    expect(Math.abs((await durationOf(fileOf('long.m4a'))) - 600)).toBeLessThan(1);
  });

  it('may be WebM that was written to a pipe and cut 200 bytes short', async () => {
    const file = fileOf('pipe.webm');
    expect(await durationOf(file.subarray(0, file.length - 200))).toBeGreaterThan(seconds - 0.2);
  });

  it('may be WAV whose sizes are all 0xFFFFFFFF, or whose data size is 0 with audio behind it', async () => {
    const audio = encodePcm(tone(8_000), 'pcm_mulaw');
    const streamed = Buffer.concat([wavHeader({ encoding: 'pcm_mulaw', sampleRateHz: 8_000 }), audio]);
    expect(await durationOf(streamed)).toBe(seconds);
    const unfinished = wavFile(tone(8_000), { encoding: 'pcm_s16le', sampleRateHz: 8_000 });
    unfinished.writeUInt32LE(0, 40);
    expect(await durationOf(unfinished)).toBe(seconds);
  });

  it('are known by their content although the query names a format of raw audio', async () => {
    const parameters = '?encoding=pcm_s16le&sample_rate=16000';
    expect(Math.abs((await durationOf(fileOf('opus.ogg'), { parameters })) - seconds)).toBeLessThan(0.1);
  });

  it.each([
    ['opus.ogg', 60, /^The Ogg file/],
    ['index-last.m4a', 5_000, /^The MP4 file has no audio track\. If it was cut short, its index is missing\.$/],
    ['flac.flac', 60, /^The FLAC file/],
    ['opus.webm', 60, /^The WebM file/],
  ] as const)('that are damaged, as %s after %i bytes, are refused with the reason', async (name, at, reason) => {
    const { status, body } = await post(fileOf(name).subarray(0, at), { name });
    expect([status, body.error_code]).toEqual([400, 'audio_not_supported']);
    expect(body.message).toMatch(reason);
  });

  it('that are empty, or of another kind, are refused with what to send', async () => {
    expect(await post(Buffer.alloc(0))).toMatchObject({ status: 400, body: { message: 'The file is empty.' } });
    const { status, body } = await post(Buffer.from('<html>'.repeat(200)));
    expect(status).toBe(400);
    expect(body.message).toMatch(/^The file has none of the known formats\. Send WAV, MP3, M4A or MP4 \(AAC\)/);
  });

  it('that would be longer than the limit are refused, and their worker is free again', async () => {
    await gateway.stop();
    gateway = await GatewayUnderTest.start({ maxAudioSeconds: 2 });
    for (const name of ['flac.flac', 'lame.mp3']) {
      const { status, body } = await post(fileOf(name));
      expect([status, body.error_code]).toEqual([413, 'too_large']);
      expect(body.message).toBe('The recording is longer than 2 s. Send it in parts.');
    }
    expect(await gateway.metric('antiphon_active_requests{kind="stt"}')).toBe(0);
  });
});
