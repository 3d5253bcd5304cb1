import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance } from 'fastify';
import { maxJobBodyBytes } from '@app/broker';
import { ProblemError } from '@app/protocol';
import { wavFile } from '@app/speech/audio';
import { noUse } from '../usage/usage-record';
import { recordingIn, useOfRecording } from './recording';

describe('recordingIn', () => {
  let server: FastifyInstance;

  beforeAll(async () => {
    server = fastify({ bodyLimit: 2 * maxJobBodyBytes });
    server.addContentTypeParser('audio/wav', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    await server.register(multipart);
    server.post('/', async (request) => {
      try {
        return {
          bytes: Buffer.from(await recordingIn(request))
            .toString('latin1')
            .slice(0, 100),
        };
      } catch (error) {
        return { code: ProblemError.from(error).code };
      }
    });
  });
  afterAll(() => server.close());

  const post = async (type: string, payload?: Buffer | string): Promise<unknown> =>
    (await server.inject({ method: 'POST', url: '/', headers: { 'content-type': type }, payload })).json();
  const form = (content: string, name = 'file'): Promise<unknown> => {
    const disposition = `Content-Disposition: form-data; name="${name}"; filename="a.wav"`;
    const body = `--b\r\n${disposition}\r\nContent-Type: audio/wav\r\n\r\n${content}\r\n--b--\r\n`;
    return post('multipart/form-data; boundary=b', body);
  };

  it('is the whole body, or the file of a form', async () => {
    expect(await post('audio/wav', 'RIFF')).toEqual({ bytes: 'RIFF' });
    expect(await form('RIFF')).toEqual({ bytes: 'RIFF' });
  });

  it('must be there', async () => {
    expect(await post('audio/wav')).toEqual({ code: 'bad_request' });
    expect(await form('')).toEqual({ code: 'bad_request' });
    expect(await post('multipart/form-data; boundary=b', '--b--\r\n')).toEqual({ code: 'bad_request' });
    expect(await post('multipart/form-data; boundary=b', '--b\r\nContent-Disp')).toEqual({ code: 'bad_request' });
  });

  it('must be sent as audio', async () => {
    expect(await post('application/json', '{}')).toEqual({ code: 'media_type_not_supported' });
    expect(await post('text/plain', 'RIFF')).toEqual({ code: 'media_type_not_supported' });
  });

  it('in a form must fit into a job', async () => {
    expect(await form('a'.repeat(maxJobBodyBytes))).toMatchObject({ bytes: expect.stringContaining('aaa') as string });
    expect(await form('a'.repeat(maxJobBodyBytes + 1))).toEqual({ code: 'too_large' });
  });
});

describe('useOfRecording', () => {
  it('counts the samples of a WAV file, and nothing of another recording', () => {
    const wav = wavFile(new Float32Array(4_410), { encoding: 'pcm_s16le', sampleRateHz: 44_100 });
    expect(useOfRecording(wav)).toEqual({ characters: 0, audioSamples: 4_410, sampleRateHz: 44_100 });
    expect(useOfRecording(Buffer.from('RIFF'))).toEqual(noUse);
    expect(useOfRecording(Buffer.alloc(1_000, 'no audio'))).toEqual(noUse);
  });
});
