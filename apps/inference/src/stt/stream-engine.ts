import { ProblemError } from '@app/protocol';
import type { Recognition, SttStep, SttStepResult } from '@app/speech/engines';
import type { StepDone, StepRequest } from '../engine/engine-pool';
import type { RecognitionRequest } from './open-utterance';

/** The part of an engine pool that STT uses. */
export interface SttSteps {
  run(request: StepRequest<SttStep>): Promise<StepDone<SttStepResult>>;
  drop(id: string): void;
  dropLine(line: string): void;
}

/** The settings that all steps of an STT stream share. */
export interface StreamEngineSettings {
  /** Id of the engine's state. */
  readonly id: string;
  readonly language: string;
  /** Whether finals contain their words. */
  readonly words: boolean;
  readonly now: () => number;
}

/** The steps of one STT stream. */
export class StreamEngine {
  /** Compute time of the steps of this stream, in milliseconds. */
  computeMs = 0;

  constructor(
    private readonly settings: StreamEngineSettings,
    private readonly steps: SttSteps,
  ) {}

  /** Returns the speech probability of each frame that these samples complete. */
  async detect(samples: Float32Array): Promise<readonly number[]> {
    const { id, now } = this.settings;
    const make = (): SttStep => ({ op: 'detect', id, samples });
    const result = await this.run({ id, batchKey: 'detect', dueMs: now(), stateful: true, make });
    if (result.op !== 'detect') throw unexpected;
    return result.probabilities;
  }

  /** Recognises the audio on any engine. A recognition that is not final waits until nothing else does. */
  async recognise(request: RecognitionRequest): Promise<Recognition> {
    const { id, language, words, now } = this.settings;
    const result = await this.run({
      id,
      line: this.lineOf(request.line),
      batchKey: 'transcribe',
      dueMs: request.final ? now() : Infinity,
      stateful: false,
      make: () => {
        const { samples, speech } = request.audio();
        const { final } = request;
        return { op: 'transcribe', id, samples, language, words: words && final, ...(final ? { speech } : {}) };
      },
    });
    if (result.op !== 'transcribe') throw unexpected;
    return result.recognition;
  }

  /** Drops a recognition that still waits. */
  drop(line: string): void {
    this.steps.dropLine(this.lineOf(line));
  }

  /** Drops everything and frees the engine's state. */
  release(): void {
    this.steps.drop(this.settings.id);
  }

  private async run(request: StepRequest<SttStep>): Promise<SttStepResult> {
    const done = await this.steps.run(request);
    this.computeMs += done.tookMs;
    return done.result;
  }

  private lineOf(line: string): string {
    return `${this.settings.id}/${line}`;
  }
}

const unexpected = new ProblemError('internal', { cause: new Error('the engine answered another operation') });
