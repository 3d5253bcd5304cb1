import { JobStopped } from '@app/broker';
import { detectorFrameSamples, type DetectStep, type DetectStepResult } from '@app/speech/engines';
import type { StepDone, StepRequest } from '../engine/engine-pool';
import { SpeechFinder, type DetectSteps, type SpeechThresholds } from './speech-finder';

const rateHz = 16_000;

/** A detector that takes a frame's first sample for how likely it holds speech. */
class FrankDetector implements DetectSteps {
  readonly frames: number[] = [];
  readonly dropped: string[] = [];
  fails: Error | undefined;
  onStep: () => void = () => undefined;

  run(request: StepRequest<DetectStep>): Promise<StepDone<DetectStepResult>> {
    this.onStep();
    if (this.fails) return Promise.reject(this.fails);
    const { samples } = request.make();
    this.frames.push(samples.length / detectorFrameSamples);
    const count = samples.length / detectorFrameSamples;
    const probabilities = Array.from({ length: count }, (_, frame) => samples[frame * detectorFrameSamples] ?? 0);
    const result = { op: 'detect', probabilities } as const;
    return Promise.resolve({ result, opened: undefined, startedAtMs: 0, tookMs: 2, batchSize: 1 });
  }

  drop(id: string): void {
    this.dropped.push(id);
  }
}

/** Audio whose loudness is this in each piece of so many milliseconds. */
const audio = (...pieces: readonly (readonly [level: number, ms: number])[]): Float32Array =>
  Float32Array.from(pieces.flatMap(([level, ms]) => Array<number>((ms * rateHz) / 1_000).fill(level)));

describe('SpeechFinder', () => {
  let detector: FrankDetector;
  beforeEach(() => (detector = new FrankDetector()));

  const find = async (samples: Float32Array, thresholds: SpeechThresholds = {}, stop = new AbortController()) => {
    const finder = new SpeechFinder('a', thresholds, detector);
    const segments = await finder.find(samples, stop.signal);
    return segments.map(({ startSample, endSample }) => [startSample / 16, endSample / 16]);
  };

  it('finds speech from where it begins to where it ends, to a frame of 32 ms', async () => {
    expect(await find(audio([0, 320], [0.9, 640], [0, 1_280], [0.9, 320], [0, 640]))).toEqual([
      [320, 960],
      [2_240, 2_560],
    ]);
  });

  it('takes a silence that is shorter than asked for as part of the speech', async () => {
    const samples = audio([0.9, 640], [0, 320], [0.9, 640]);
    expect(await find(samples)).toEqual([[0, 1_600]]);
    expect(await find(samples, { minSilenceMs: 320 })).toEqual([
      [0, 640],
      [960, 1_600],
    ]);
  });

  it('takes no sound that is shorter than asked for as speech', async () => {
    const samples = audio([0, 320], [0.9, 160], [0, 640]);
    expect(await find(samples)).toEqual([[320, 480]]);
    expect(await find(samples, { minSpeechMs: 192 })).toEqual([]);
  });

  it('begins speech at the threshold and ends it a little below', async () => {
    const samples = audio([0.6, 320], [0.71, 320], [0.56, 320], [0.54, 640]);
    expect(await find(samples, { threshold: 0.7 })).toEqual([[320, 960]]);
    expect(await find(samples, { threshold: 0.05 })).toEqual([[0, 1_600]]);
    expect(await find(samples, { threshold: 0.95 })).toEqual([]);
  });

  it('ends the last segment with the recording, though that ends within a frame', async () => {
    expect(await find(audio([0.9, 1_000]))).toEqual([[0, 1_000]]);
  });

  it('keeps speech of a minute whole', async () => {
    expect(await find(audio([0.9, 64_000]))).toEqual([[0, 64_000]]);
  });

  it('leaves the engine to others every 2 s, and counts what it took of it', async () => {
    const finder = new SpeechFinder('a', {}, detector);
    await finder.find(audio([0, 6_400]), new AbortController().signal);
    expect(detector.frames).toEqual([63, 63, 63, 11]);
    expect(finder.computeMs).toBe(8);
  });

  it('has its state forgotten at the end, also when the engine fails', async () => {
    await find(audio([0, 320]));
    detector.fails = new Error('the engine is gone');
    await expect(find(audio([0, 320]))).rejects.toThrow('the engine is gone');
    expect(detector.dropped).toEqual(['a', 'a']);
  });

  it('stops between two steps once nobody wants the answer', async () => {
    const stop = new AbortController();
    detector.onStep = () => stop.abort(new JobStopped('cancelled'));
    await expect(find(audio([0, 6_400]), {}, stop)).rejects.toThrow(JobStopped);
    expect(detector.frames).toHaveLength(1);
    expect(detector.dropped).toContain('a');
  });
});
