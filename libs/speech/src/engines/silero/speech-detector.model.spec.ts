import { describeWithModels } from '../../../../../test/support/models';
import { noise } from '../../../../../test/support/noise';
import { readTwoCities } from '../../../../../test/support/two-cities';
import { Resampler, sttSampleRateHz } from '../../audio';
import { detectorFrameSamples } from '../stt-engine';
import { SpeechDetector } from './speech-detector';

let detector: SpeechDetector;
beforeAll(async () => void (detector = await SpeechDetector.load({ intraOpNumThreads: 1 })));
afterAll(() => detector.close());

async function probabilities(samples: Float32Array, pieceSamples = samples.length): Promise<number[]> {
  const found: number[] = [];
  for (let start = 0; start < samples.length; start += pieceSamples) {
    const [piece = []] = await detector.detect([{ id: 'a', samples: samples.subarray(start, start + pieceSamples) }]);
    found.push(...piece);
  }
  detector.release('a');
  return found;
}

describe('the speech detector', () => {
  it('hears no speech in silence and noise', async () => {
    for (const peak of [0, 0.01, 0.1, 0.9]) {
      expect(Math.max(...(await probabilities(noise(10, peak))))).toBeLessThan(0.3);
    }
    expect(await detector.hasSpeech(noise(5, 0.3))).toBe(false);
    expect(await detector.hasSpeech(new Float32Array(0))).toBe(false);
  });

  it('answers one probability per whole frame, and keeps the rest', async () => {
    const [first] = await detector.detect([{ id: 'a', samples: new Float32Array(detectorFrameSamples - 1) }]);
    const [second] = await detector.detect([{ id: 'a', samples: new Float32Array(detectorFrameSamples + 1) }]);
    detector.release('a');
    expect([first, second].map((found) => found?.length)).toEqual([0, 2]);
  });

  it('refuses the same stream twice in a batch', async () => {
    const step = { id: 'a', samples: new Float32Array(512) };
    await expect(detector.detect([step, step])).rejects.toThrow('only once');
  });
});

describeWithModels(['speech-two-cities'], 'the speech detector on a real reading', () => {
  let speech: Float32Array;
  beforeAll(() => {
    const { samples, sampleRateHz } = readTwoCities();
    speech = new Resampler(sampleRateHz, sttSampleRateHz).push(samples.subarray(0, 9 * sampleRateHz));
  });

  it('hears the speech, and the pauses before and in it', async () => {
    const found = await probabilities(speech);
    const second = sttSampleRateHz / detectorFrameSamples;
    expect(Math.max(...found.slice(0, second))).toBeLessThan(0.3);
    const spoken = found.slice(1.5 * second, 8 * second);
    expect(spoken.filter((probability) => probability > 0.5).length).toBeGreaterThan(0.8 * spoken.length);
    expect(await detector.hasSpeech(speech)).toBe(true);
  });

  it('hears the same however the stream is cut into pieces', async () => {
    const whole = await probabilities(speech);
    expect(await probabilities(speech, 1600)).toEqual(whole);
    expect(await probabilities(speech, 333)).toEqual(whole);
  });

  it('hears streams of different lengths in one batch as if they were alone', async () => {
    const streams = [speech, speech.subarray(20_000, 60_000), noise(2, 0.1)];
    const steps = streams.map((samples, index) => ({ id: `stream-${index}`, samples }));
    const together = await detector.detect(steps);
    steps.forEach(({ id }) => detector.release(id));
    for (const [index, samples] of streams.entries()) {
      const alone = await probabilities(samples);
      expect(together[index]).toHaveLength(alone.length);
      alone.forEach((probability, frame) => expect(together[index]?.[frame]).toBeCloseTo(probability, 4));
    }
  });

  it('forgets a stream that is released', async () => {
    const [first] = await detector.detect([{ id: 'b', samples: speech.subarray(0, 32_000) }]);
    detector.release('b');
    const [again] = await detector.detect([{ id: 'b', samples: speech.subarray(0, 32_000) }]);
    expect(again).toEqual(first);
    detector.release('b');
    detector.release('never seen');
  });
});
