import { decodePcm, Resampler, wavFile } from '@app/speech/audio';
import { transcribeFile } from '../../tools/client/stt-client';
import { encodedAudio } from '../support/encoded-audio';
import type { RunningStack } from '../support/running-stack';
import { wordErrorRate } from '../support/word-error-rate';

const seconds = 1_000;
const text = 'The harbour was quiet when the last boat came in. Nobody had expected it before the morning.';

/** `POST /stt` with the files that clients send, and MP3 from `POST /tts/bytes`, with the real models. */
export function describeAudioFiles(stack: () => RunningStack): void {
  describe('audio files', () => {
    let speech: Float32Array;
    let files: Map<string, Buffer>;

    const speak = async (format: object): Promise<Buffer> => {
      const response = await fetch(`${stack().target.api}/tts/bytes`, {
        method: 'POST',
        headers: { 'X-API-Key': stack().target.apiKey },
        body: JSON.stringify({ model_id: 'sonic-3', voice: 'piper-joe', transcript: text, output_format: format }),
      });
      expect(response.status).toBe(200);
      return Buffer.from(await response.arrayBuffer());
    };
    const errorsIn = async (file: Uint8Array): Promise<number> =>
      wordErrorRate(text, (await transcribeFile(stack().target, file)).text).rate;

    beforeAll(async () => {
      const raw = await speak({ container: 'raw', encoding: 'pcm_f32le', sample_rate: 48_000 });
      speech = decodePcm(raw, 'pcm_f32le');
      files = await encodedAudio(speech, 48_000);
    }, 60 * seconds);

    it.each(['flac.flac', 'index-last.m4a', 'lame.mp3', 'opus.ogg', 'stereo.m4a', 'stereo.webm', 'vorbis.ogg'])(
      'are transcribed: %s',
      async (name) => {
        expect(await errorsIn(files.get(name) ?? Buffer.alloc(0))).toBeLessThan(0.15);
      },
      60 * seconds,
    );

    it(
      'are transcribed: WAV of 24 bits, extensible, whose right channel is the inverted left',
      async () => {
        expect(await errorsIn(extensible24(interleaved(speech, (sample) => -sample)))).toBeLessThan(0.15);
      },
      60 * seconds,
    );

    it(
      'are transcribed: WAV of 8 kHz with one silent channel',
      async () => {
        const resampler = new Resampler(48_000, 8_000);
        const telephone = Float32Array.from([...resampler.push(speech), ...resampler.flush()]);
        const format = { encoding: 'pcm_mulaw', sampleRateHz: 8_000, channels: 2 } as const;
        expect(
          await errorsIn(
            wavFile(
              interleaved(telephone, () => 0),
              format,
            ),
          ),
        ).toBeLessThan(0.25);
      },
      60 * seconds,
    );

    it(
      'come from speech as MP3, which is transcribed back',
      async () => {
        const mp3 = await speak({ container: 'mp3', sample_rate: 44_100, bit_rate: 64_000 });
        expect(await errorsIn(mp3)).toBeLessThan(0.15);
      },
      60 * seconds,
    );
  });
}

/** Stereo whose right channel is made of the left one. */
const interleaved = (left: Float32Array, right: (sample: number) => number): Float32Array =>
  Float32Array.from({ length: 2 * left.length }, (_, at) =>
    at % 2 ? right(left[at >> 1] ?? 0) : (left[at >> 1] ?? 0),
  );

/** A WAV file of 24-bit stereo at 48 kHz with an extensible header. */
function extensible24(samples: Float32Array): Buffer {
  const data = Buffer.alloc(3 * samples.length);
  samples.forEach((sample, at) => data.writeIntLE(Math.round(sample * 8_388_607), 3 * at, 3));
  const header = Buffer.alloc(68);
  header.write('RIFF');
  header.writeUInt32LE(60 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(40, 16);
  header.writeUInt16LE(0xfffe, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(288_000, 28);
  header.writeUInt16LE(6, 32);
  header.writeUInt16LE(24, 34);
  header.writeUInt16LE(22, 36);
  header.writeUInt16LE(24, 38);
  header.writeUInt32LE(3, 40);
  header.write('0100000000001000800000aa00389b71', 44, 'hex');
  header.write('data', 60);
  header.writeUInt32LE(data.length, 64);
  return Buffer.concat([header, data]);
}
