import { SpeechError } from '../../speech-error';
import type { EngineCapabilities, EngineSettings, StepFailure } from '../engine';
import { sessionOptions } from '../session-options';
import { SpeechDetector } from '../silero/speech-detector';
import { sttSampleRateHz } from '../../audio';
import {
  detectorFrameSamples,
  type DetectStep,
  type Recognition,
  type SttEngine,
  type SttStep,
  type SttStepResult,
} from '../stt-engine';
import { contextSamples } from './log-mel';
import { loadModel } from './model-files';
import { Recogniser } from './recogniser';
import { defaultWhisperOptions, type WhisperOptions } from './whisper-options';

export { defaultWhisperOptions, type WhisperOptions };

/** The settings of an engine, with the options of Whisper. */
export interface WhisperSettings extends EngineSettings {
  readonly options?: Partial<WhisperOptions>;
}

/**
 * Loads a Whisper model from CTranslate2 weights, and the speech detector. Throws a SpeechError if the model is
 * incomplete.
 */
export async function createWhisperEngine(settings: WhisperSettings): Promise<SttEngine> {
  const options = { ...defaultWhisperOptions, ...settings.options };
  const model = await loadModel(settings, options.silentGroupPositions);
  const detector = await SpeechDetector.load(sessionOptions({ ...settings, threads: 1, executionProvider: 'cpu' }));
  const recogniser = new Recogniser(model, options, (samples) => detector.hasSpeech(samples));
  const capabilities = { sampleRateHz: sttSampleRateHz, languages: recogniser.languages, maxBatch: options.maxBatch };
  return new WhisperEngine(capabilities, recogniser, detector);
}

type TranscribeStep = Extract<SttStep, { op: 'transcribe' }>;

class WhisperEngine implements SttEngine {
  constructor(
    readonly capabilities: EngineCapabilities,
    private readonly recogniser: Recogniser,
    private readonly detector: SpeechDetector,
  ) {}

  async warmUp(): Promise<void> {
    const id = 'warm-up';
    await this.detector.detect([{ id, samples: new Float32Array(detectorFrameSamples) }]);
    this.release(id);
    await this.recogniser.warmUp();
  }

  batchKey(step: SttStep): string {
    return step.op;
  }

  async step(batch: readonly SttStep[]): Promise<(SttStepResult | StepFailure)[]> {
    const detect = batch.filter((step): step is DetectStep => step.op === 'detect');
    if (detect.length === batch.length) {
      const probabilities = await this.detector.detect(detect);
      return probabilities.map((row) => ({ op: 'detect', probabilities: row }));
    }
    const transcribe = batch.filter((step): step is TranscribeStep => step.op === 'transcribe');
    if (transcribe.length < batch.length) throw new SpeechError('steps of different kinds cannot share a batch');
    return this.transcribe(transcribe);
  }

  release(id: string): void {
    this.detector.release(id);
  }

  async close(): Promise<void> {
    await this.detector.close();
    await this.recogniser.close();
  }

  private async transcribe(steps: readonly TranscribeStep[]): Promise<(SttStepResult | StepFailure)[]> {
    const problems = steps.map((step) => this.problemOf(step));
    const recognitions = await this.recogniser.recognise(steps.filter((_, index) => problems[index] === undefined));
    const answers = recognitions.values();
    return problems.map((failed): SttStepResult | StepFailure => {
      return failed === undefined ? { op: 'transcribe', recognition: answers.next().value as Recognition } : { failed };
    });
  }

  private problemOf({ samples, language }: TranscribeStep): string | undefined {
    if (samples.length > contextSamples) return 'the audio is longer than 30 s';
    if (language === 'auto' || this.capabilities.languages.includes(language)) return undefined;
    return `this model does not support the language "${language}"`;
  }
}
