import { generation, TtsClient } from '../../tools/client/tts-client';
import { transcribeStream } from '../../tools/client/stt-client';
import { readTwoCities } from '../support/two-cities';
import type { RunningStack } from '../support/running-stack';
import { describeSpeech } from './speech-suite';

const seconds = 1_000;
const contexts = 8;
const rounds = 3;
const text = 'She opened the letter at the window, read it twice, and laid it down on the table without a word.';

describeSpeech('with every step batched', { BATCHING: 'always', BATCH_SIZE: String(contexts) }, (stack) => {
  it(
    'runs at least half of its TTS steps for two requests or more when eight speak at once',
    async () => {
      const before = await occupancy(stack(), 'tts-1', 'decode');
      const client = await TtsClient.open(stack().target);
      for (let round = 0; round < rounds; round += 1) {
        const ids = Array.from({ length: contexts }, (_, index) => `batched-${round}-${index}`);
        await Promise.all(ids.map((id) => client.speak(id, text, generation())));
      }
      client.close();
      const after = await occupancy(stack(), 'tts-1', 'decode');
      expect(sharedShare(before, after)).toBeGreaterThanOrEqual(0.5);
    },
    60 * seconds,
  );

  it(
    'runs at least half of its STT steps for two requests or more when eight are transcribed at once',
    async () => {
      const { samples, sampleRateHz } = readTwoCities();
      const before = await occupancy(stack(), 'stt-1', 'transcribe');
      const clip = samples.subarray(0, 10 * sampleRateHz);
      await Promise.all(Array.from({ length: contexts }, () => transcribeStream(stack().target, clip, sampleRateHz)));
      const after = await occupancy(stack(), 'stt-1', 'transcribe');
      expect(sharedShare(before, after)).toBeGreaterThanOrEqual(0.5);
    },
    60 * seconds,
  );
});

interface Occupancy {
  readonly steps: number;
  /** Steps that held one request. */
  readonly single: number;
}

async function occupancy(stack: RunningStack, worker: string, operation: string): Promise<Occupancy> {
  return {
    steps: await stack.metric(worker, 'antiphon_step_requests_count', { operation }),
    single: await stack.metric(worker, 'antiphon_step_requests_bucket', { operation, le: '1' }),
  };
}

const sharedShare = (before: Occupancy, after: Occupancy): number =>
  1 - (after.single - before.single) / (after.steps - before.steps);
