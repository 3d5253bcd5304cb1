import { rmsDbfs, wavFile } from '@app/speech/audio';
import { generation, samplesOfEvents, TtsClient, voiceRateHz } from '../../tools/client/tts-client';
import { EndpointClient } from '../support/endpoint-client';
import type { RunningStack } from '../support/running-stack';

const seconds = 1_000;
const toleranceSeconds = 0.1;

interface SpeechActivity {
  readonly duration: number;
  readonly segments: readonly { readonly start: number; readonly end: number }[];
  readonly speech_share: number;
}

/** `POST /speech-activity` with the real detector. */
export function describeSpeechActivity(stack: () => RunningStack): void {
  describe('POST /speech-activity', () => {
    let words: Float32Array;
    const client = (): EndpointClient => new EndpointClient(stack().target, '/speech-activity');

    beforeAll(async () => {
      const speaker = await TtsClient.open(stack().target);
      words = withoutSilence(
        samplesOfEvents(await speaker.speak('words', 'Good morning to all of you.', generation())),
      );
      speaker.close();
    }, 60 * seconds);

    /** The words with so many seconds of silence before, between and after, at 22,050 Hz. */
    const recording = (...silences: readonly number[]): Buffer => {
      const pieces = silences.flatMap((silence, index) => [
        ...(index > 0 ? [words] : []),
        new Float32Array(silence * voiceRateHz),
      ]);
      const samples = Float32Array.from(pieces.flatMap((piece) => [...piece]));
      return wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz: voiceRateHz });
    };

    it('finds two segments in a recording with a pause, at the right times', async () => {
      const { status, body } = await client().post(recording(1, 1.5, 1));
      expect(status).toBe(200);
      const { duration, segments, speech_share: share } = body as SpeechActivity;
      const spoken = words.length / voiceRateHz;
      expect(duration).toBeCloseTo(3.5 + 2 * spoken, 2);
      const wanted = [
        [1, 1 + spoken],
        [2.5 + spoken, 2.5 + 2 * spoken],
      ] as const;
      expect(segments).toHaveLength(2);
      for (const [index, [start, end]] of wanted.entries()) {
        expect(Math.abs((segments[index]?.start ?? 0) - start)).toBeLessThanOrEqual(toleranceSeconds);
        expect(Math.abs((segments[index]?.end ?? 0) - end)).toBeLessThanOrEqual(toleranceSeconds);
      }
      expect(share).toBeCloseTo((2 * spoken) / duration, 1);
    });

    it('takes a pause that is shorter than asked for as part of the speech, in a form as well', async () => {
      const { body } = await client().postForm(recording(1, 1.5, 1), { query: '?min_silence_ms=2000' });
      expect(body).toMatchObject({ segments: [expect.anything()], request_id: expect.any(String) as string });
    });

    it('finds nothing in silence, and refuses what is no recording', async () => {
      expect(await client().post(recording(2))).toMatchObject({ status: 200, body: { segments: [], speech_share: 0 } });
      const refused = { status: 400, body: { error_code: 'audio_not_supported' } };
      expect(await client().post(Buffer.from('Hello.'))).toMatchObject(refused);
    });

    it('needs no engine of its own beside that of recognition', async () => {
      expect(await stack().metric('stt-1', 'antiphon_seats', { lane: 'speech-activity.builtin' })).toBeGreaterThan(0);
      expect(stack().pidOf('builtin-1')).toBeUndefined();
    });
  });
}

/** From the first to the last 20 ms that are louder than -40 dBFS. */
function withoutSilence(samples: Float32Array): Float32Array {
  const frame = 0.02 * voiceRateHz;
  const loud = Array.from({ length: Math.floor(samples.length / frame) }, (_, index) => index).filter(
    (index) => rmsDbfs(samples.subarray(index * frame, (index + 1) * frame)) > -40,
  );
  return samples.subarray((loud[0] ?? 0) * frame, ((loud.at(-1) ?? 0) + 1) * frame);
}
