import type { JobContext } from '@app/broker';
import { Tracing } from '@app/platform';
import { SpeechActivityJob } from '@app/protocol';
import { wavFile } from '@app/speech/audio';
import { detectorFrameSamples, type DetectStep } from '@app/speech/engines';
import { jobContext, resultOf, silentLog } from '../../../../test/support/job-context';
import type { StepRequest } from '../engine/engine-pool';
import type { LaneEngines } from '../lanes/lane-engines';
import { SpeechActivityHandler } from './speech-activity.handler';

/** Takes what is loud for speech. */
const detector = {
  run: (request: StepRequest<DetectStep>) => {
    const { samples } = request.make();
    const probabilities = Array.from({ length: samples.length / detectorFrameSamples }, (_, frame) =>
      Math.abs(samples[frame * detectorFrameSamples + 100] ?? 0) > 0.2 ? 0.9 : 0,
    );
    return Promise.resolve({ result: { op: 'detect', probabilities }, tookMs: 3 });
  },
  drop: () => undefined,
  dropLine: () => undefined,
};

describe('SpeechActivityHandler', () => {
  const took: unknown[][] = [];
  const engines = { of: () => detector, jobTook: (...what: unknown[]) => took.push(what) } as unknown as LaneEngines;
  const handler = new SpeechActivityHandler(engines, silentLog(), Tracing.off());
  const job = Object.assign(new SpeechActivityJob(), { model: 'builtin' });
  const answer = (wav: Uint8Array): Promise<object> =>
    resultOf((context: JobContext) => handler.run(job, context), wav);
  /** Loud from 1 s to 2 s of 4 s. */
  const recording = (sampleRateHz: number, channels = 1): Buffer =>
    wavFile(
      new Float32Array(4 * sampleRateHz * channels).map((_, i) => {
        const atSeconds = Math.floor(i / channels) / sampleRateHz;
        return atSeconds >= 1 && atSeconds < 2 ? 0.8 : 0;
      }),
      { encoding: 'pcm_s16le', sampleRateHz, channels },
    );

  it.each([
    [8_000, 1],
    [16_000, 2],
    [44_100, 1],
  ])('says in seconds when somebody speaks in a recording of %i Hz and %i channels', async (rate, channels) => {
    const result = (await answer(recording(rate, channels))) as { segments: { start: number; end: number }[] };
    expect(result).toMatchObject({ duration: 4, segments: [{}], speech_share: expect.closeTo(0.25, 1) as number });
    expect(result.segments[0]?.start).toBeCloseTo(1, 1);
    expect(result.segments[0]?.end).toBeCloseTo(2, 1);
    expect(took.at(-1)).toEqual([{ kind: 'speech-activity', model: 'builtin' }, 6, 4_000]);
  });

  it('has no segments where nobody speaks', async () => {
    const silence = wavFile(new Float32Array(1_600), { encoding: 'pcm_s16le', sampleRateHz: 16_000 });
    expect(await answer(silence)).toEqual({ duration: 0.1, segments: [], speech_share: 0 });
  });

  it.each([
    ['what is no WAV file', Buffer.from('Hello.'), /not a WAV file/],
    ['a file that ends within its header', recording(8_000).subarray(0, 30), /ends before its audio begins/],
    ['a file without audio', recording(8_000).subarray(0, 44), /no audio.*Send one/],
    [
      'a rate below that of a telephone',
      wavFile(new Float32Array(4_000), { encoding: 'pcm_s16le', sampleRateHz: 4_000 }),
      /4000 Hz.*at least 8000 Hz/,
    ],
  ])('refuses %s and says what to send', async (_, wav, words) => {
    await expect(answer(wav)).rejects.toMatchObject({
      code: 'audio_not_supported',
      detail: expect.stringMatching(words) as string,
    });
  });

  it('is stopped by its signal', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(handler.run(job, jobContext(recording(8_000), stop.signal))).rejects.toThrow('stopped');
  });
});
