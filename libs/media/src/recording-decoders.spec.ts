import { ProblemError } from '@app/protocol';
import { rmsDbfs, sttSampleRateHz, wavFile } from '@app/speech/audio';
import { encodedAudio } from '../../../test/support/encoded-audio';
import { until } from '../../../test/support/until';
import { RecordingDecoders } from './recording-decoders';

const seconds = 3;
const source = { owner: 'key-1' };
const longSeconds = 200;
const limits = { maxSeconds: 3_600, maxThreads: 4, maxWaitMs: 60_000, maxHeldBytes: 32 * 1024 * 1024 };
const tone = (rateHz: number): Float32Array =>
  Float32Array.from({ length: rateHz * seconds }, (_, at) => Math.sin((2 * Math.PI * 440 * at) / rateHz) / 2);

const names = [
  'adts.aac',
  'flac.flac',
  'flac.mp4',
  'flac.ogg',
  'fragmented.m4a',
  'index-first.m4a',
  'index-last.m4a',
  'lame.mp3',
  'opus.ogg',
  'opus.webm',
  'pipe.webm',
  'stereo.m4a',
  'stereo.webm',
  'vorbis.ogg',
];

describe('RecordingDecoders', () => {
  let files: Map<string, Buffer>;
  const fileOf = (name: string): Buffer => files.get(name) ?? Buffer.alloc(0);

  beforeAll(async () => {
    files = await encodedAudio(tone(48_000), 48_000, longSeconds);
  });

  interface Heard {
    readonly seconds: number;
    readonly dbfs: number;
    readonly receivedSeconds: number;
  }

  async function decode(
    file: Buffer,
    { pieceBytes = 65_536, ...changes }: Partial<typeof limits & { pieceBytes: number }> = {},
  ): Promise<Heard> {
    const samples: number[] = [];
    const decoder = new RecordingDecoders({ ...limits, ...changes }).open((piece) => {
      for (const sample of piece) samples.push(sample / 32_768);
    }, source);
    try {
      for (let at = 0; at < file.length; at += pieceBytes) await decoder.write(file.subarray(at, at + pieceBytes));
      await decoder.end();
    } finally {
      decoder.close();
    }
    const { received } = decoder;
    return {
      seconds: samples.length / sttSampleRateHz,
      dbfs: rmsDbfs(Float32Array.from(samples.slice(8_000, -8_000))),
      receivedSeconds: received.samples / received.sampleRateHz,
    };
  }

  async function refusal(file: Buffer, changes: Partial<typeof limits> = {}): Promise<string> {
    const problem = await decode(file, changes).then(
      () => undefined,
      (error: unknown) => error,
    );
    return problem instanceof ProblemError ? `${problem.code}: ${problem.detail}` : String(problem);
  }

  it.each(names)('decodes %s to its length and at its level', async (name) => {
    for (const heard of await Promise.all([700, 1_000_000].map((pieceBytes) => decode(fileOf(name), { pieceBytes })))) {
      expect(Math.abs(heard.seconds - seconds)).toBeLessThan(0.1);
      expect(heard.receivedSeconds).toBeCloseTo(heard.seconds, 1);
      expect(heard.dbfs).toBeCloseTo(rmsDbfs(tone(48_000)), 0);
    }
  });

  it.each(names.filter((name) => !name.startsWith('index-last') && name !== 'stereo.m4a'))(
    'decodes %s, cut 200 bytes short, as far as it goes',
    async (name) => {
      const file = fileOf(name);
      const heard = await decode(file.subarray(0, file.length - 200));
      expect(heard.seconds).toBeGreaterThan(seconds - 0.5);
      expect(heard.seconds).toBeLessThan(seconds + 0.2);
    },
  );

  it('says what is wrong with damaged files', async () => {
    const noise = Buffer.from(Uint8Array.from({ length: 40_000 }, (_, at) => (at * at * 31 + at * 7) % 251));
    const damaged = (name: string, from: number): Buffer => Buffer.concat([fileOf(name).subarray(0, from), noise]);
    const lastM4a = fileOf('index-last.m4a');
    expect(await refusal(lastM4a.subarray(0, lastM4a.length - 200))).toBe(
      'audio_not_supported: The MP4 file has no audio track. If it was cut short, its index is missing.',
    );
    expect(await refusal(damaged('flac.flac', 42))).toContain('The FLAC file');
    expect(await refusal(damaged('opus.ogg', 60))).toContain('The Ogg file');
    expect(await refusal(damaged('opus.webm', 60))).toContain('The WebM file');
    expect(await refusal(damaged('fragmented.m4a', 900))).toContain('The MP4 file');
    expect(await refusal(Buffer.from('ID3' + ' '.repeat(600)))).toContain('The MP3 file has no audio in it');
  });

  it('says which formats it takes', async () => {
    expect(await refusal(Buffer.from('This is a letter. '.repeat(40)))).toMatch(/known formats\. Send WAV, MP3, M4A/);
    expect(await refusal(Buffer.alloc(0))).toBe('audio_not_supported: The file is empty.');
    const speex = Buffer.concat([fileOf('opus.ogg').subarray(0, 28), Buffer.from('Speex   1.2'), Buffer.alloc(600)]);
    expect(await refusal(speex)).toContain('a codec other than Opus, Vorbis or FLAC');
  });

  it('refuses audio that is longer than the limit, however small the file is', async () => {
    const long = 'too_large: The recording is longer than 2 s. Send it in parts.';
    const wav = wavFile(tone(8_000), { encoding: 'pcm_s16le', sampleRateHz: 8_000 });
    for (const file of [wav, fileOf('lame.mp3'), fileOf('opus.webm')]) {
      expect(await refusal(file, { maxSeconds: 2 })).toBe(long);
    }
  });

  it('holds no more of a file whose index is at its end than the limit', async () => {
    expect(await refusal(fileOf('long.m4a'), { maxHeldBytes: 1_048_576 })).toMatch(
      /index at the end and more than 1 MiB/,
    );
  });

  it('survives damage anywhere in a file: it decodes the file or says that it cannot', async () => {
    for (const [seed, name] of names.entries()) {
      const file = Buffer.from(fileOf(name));
      for (let at = 1; at <= 40; at++) file[(seed * 7_919 + at * at * 104_729) % file.length] = (at * 37) & 0xff;
      const outcome = await decode(file).then(
        () => 'decoded',
        (error: unknown) => ProblemError.from(error).code,
      );
      expect(['decoded', 'audio_not_supported']).toContain(outcome);
    }
  });

  it('lets a recording wait while too many are decoded', async () => {
    const decoders = new RecordingDecoders({ ...limits, maxThreads: 1 });
    const first = decoders.open(() => undefined, source);
    await first.write(fileOf('opus.webm').subarray(0, 1_000));
    let heard = 0;
    const second = decoders.open((piece) => void (heard += piece.length), source);
    const waiting = second.write(fileOf('lame.mp3')).then(() => second.end());
    const uncompressed = decoders.open(() => undefined, source);
    await uncompressed.write(wavFile(tone(8_000), { encoding: 'pcm_s16le', sampleRateHz: 8_000 }));
    expect(heard).toBe(0);
    first.close();
    await waiting;
    expect(heard).toBeGreaterThan(2.9 * sttSampleRateHz);
    second.close();
  });

  it('decodes uncompressed audio in small steps, however slow it is, so that other work can run between them', async () => {
    const file = wavFile(new Float32Array(200_000), { encoding: 'pcm_mulaw', sampleRateHz: 1_000 });
    const steps: number[] = [];
    const decoder = new RecordingDecoders(limits).open((piece) => void steps.push(piece.length), source);
    await decoder.write(file);
    await decoder.end();
    expect(steps.reduce((sum, samples) => sum + samples, 0)).toBe(200 * sttSampleRateHz);
    expect(Math.max(...steps)).toBeLessThan(5 * sttSampleRateHz);
  });

  it('reads no faster than the audio is used', async () => {
    let heard = 0;
    let release: () => void = () => undefined;
    const used = new Promise<void>((resolve) => (release = resolve));
    const decoder = new RecordingDecoders(limits).open((piece) => {
      heard += piece.length;
      return used;
    }, source);
    const mp3 = Buffer.concat(Array.from({ length: 40 }, () => fileOf('lame.mp3')));
    const written = decoder.write(mp3.subarray(0, 700_000)).then(() => 'written');
    await until(() => heard > 0);
    expect(await Promise.race([written, Promise.resolve('waiting')])).toBe('waiting');
    expect(heard).toBeLessThan(2 * sttSampleRateHz);
    release();
    expect(await written).toBe('written');
    decoder.close();
  });
});
