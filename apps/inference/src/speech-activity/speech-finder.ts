import type { SpeechActivityJob } from '@app/protocol';
import {
  defaultEndpointerOptions,
  detectorFrameSamples,
  Endpointer,
  type DetectStep,
  type DetectStepResult,
  type EndpointerOptions,
} from '@app/speech/engines';
import type { StepDone, StepRequest } from '../engine/engine-pool';

/** The part of an engine pool that the speech finder uses. */
export interface DetectSteps {
  run(request: StepRequest<DetectStep>): Promise<StepDone<DetectStepResult>>;
  drop(id: string): void;
}

/** The limits for speech. Default: those of the detector. */
export type SpeechThresholds = Pick<SpeechActivityJob, 'threshold' | 'minSilenceMs' | 'minSpeechMs'>;

/** A part with speech: samples [startSample, endSample) of the recording. */
export interface SpeechSegment {
  readonly startSample: number;
  readonly endSample: number;
}

/** Number of frames of one step: 2 s. Between the steps of a long recording the engine can run other steps. */
const stepFrames = 63;
/** Time that a step waits in favour of live streams, in milliseconds. */
const patienceMs = 200;
const { startThreshold, endThreshold, minSpeechMs: usualSpeechMs, endSilenceMs } = defaultEndpointerOptions;
/** The end threshold is this much below the start threshold, as the authors of the detector recommend. */
const endMargin = startThreshold - endThreshold;
const leastEndThreshold = 0.01;

/** Finds the speech in one recording. */
export class SpeechFinder {
  /** Compute time of the steps of this recording, in milliseconds. */
  computeMs = 0;

  constructor(
    /** Id of the engine's state. */
    private readonly id: string,
    private readonly thresholds: SpeechThresholds,
    private readonly steps: DetectSteps,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Returns the segments in mono samples at 16 kHz. Rejects with the problem of its engine, and when the signal aborts.
   */
  async find(samples: Float32Array, signal: AbortSignal): Promise<SpeechSegment[]> {
    const endpointer = new Endpointer(endpointerOptions(this.thresholds));
    const segments: SpeechSegment[] = [];
    const take = (events: ReturnType<Endpointer['push']>): void => {
      for (const event of events) if (event.kind === 'speechEnd') segments.push(event);
    };
    const drop = (): void => this.steps.drop(this.id);
    signal.addEventListener('abort', drop);
    try {
      const stepSamples = stepFrames * detectorFrameSamples;
      for (let start = 0; start < samples.length; start += stepSamples) {
        signal.throwIfAborted();
        take(endpointer.push(await this.detect(wholeFrames(samples.subarray(start, start + stepSamples)))));
      }
    } finally {
      signal.removeEventListener('abort', drop);
      drop();
    }
    take(endpointer.finish(samples.length));
    return segments.map(({ startSample, endSample }) => ({
      startSample,
      endSample: Math.min(endSample, samples.length),
    }));
  }

  private async detect(samples: Float32Array): Promise<readonly number[]> {
    const { id } = this;
    const make = (): DetectStep => ({ op: 'detect', id, samples });
    const dueMs = this.now() + patienceMs;
    const { result, tookMs } = await this.steps.run({ id, batchKey: 'detect', dueMs, stateful: true, make });
    this.computeMs += tookMs;
    return result.probabilities;
  }
}

/** Segments end where the speech ends. No audio is kept around them, and long ones are not cut. */
const endpointerOptions = ({
  threshold = startThreshold,
  minSilenceMs = endSilenceMs,
  minSpeechMs = usualSpeechMs,
}: SpeechThresholds): EndpointerOptions => ({
  startThreshold: threshold,
  endThreshold: Math.max(leastEndThreshold, threshold - endMargin),
  minSpeechMs,
  endSilenceMs: minSilenceMs,
  preRollMs: 0,
  postRollMs: 0,
  maxSegmentMs: Infinity,
});

/** A copy that is padded with silence to whole frames, since the detector judges whole frames only. */
function wholeFrames(samples: Float32Array): Float32Array {
  const whole = new Float32Array(Math.ceil(samples.length / detectorFrameSamples) * detectorFrameSamples);
  whole.set(samples);
  return whole;
}
