import type { Engine, EngineCapabilities, EngineSettings } from '../engine';
import { sessionOptions } from '../session-options';
import { sttSampleRateHz } from '../../audio';
import { detectorFrameSamples, type DetectStep, type DetectStepResult } from '../stt-engine';
import { SpeechDetector } from './speech-detector';

/** An engine that only finds speech. */
export type DetectorEngine = Engine<DetectStep, DetectStepResult>;

/**
 * Loads the speech detector, whose model is part of an npm package. It always computes on the CPU, whatever the
 * settings are.
 */
export async function createSileroEngine(
  { threads }: Pick<EngineSettings, 'threads'>,
  maxBatch: number,
): Promise<DetectorEngine> {
  const detector = await SpeechDetector.load(sessionOptions({ threads, executionProvider: 'cpu' }));
  // The detector does not depend on the language.
  return new SileroEngine({ sampleRateHz: sttSampleRateHz, languages: [], maxBatch }, detector);
}

class SileroEngine implements DetectorEngine {
  constructor(
    readonly capabilities: EngineCapabilities,
    private readonly detector: SpeechDetector,
  ) {}

  async warmUp(): Promise<void> {
    const id = 'warm-up';
    await this.detector.detect([{ id, samples: new Float32Array(detectorFrameSamples) }]);
    this.release(id);
  }

  batchKey(step: DetectStep): string {
    return step.op;
  }

  async step(batch: readonly DetectStep[]): Promise<DetectStepResult[]> {
    const probabilities = await this.detector.detect(batch);
    return probabilities.map((row) => ({ op: 'detect', probabilities: row }));
  }

  release(id: string): void {
    this.detector.release(id);
  }

  close(): Promise<void> {
    return this.detector.close();
  }
}
