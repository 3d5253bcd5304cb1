/** What every engine can do, known once its model is loaded. */
export interface EngineCapabilities {
  /** Sample rate of the audio it makes (TTS) or takes (STT). */
  readonly sampleRateHz: number;
  /** Languages as lower-case BCP 47 primary tags; `en` for example. */
  readonly languages: readonly string[];
  /** Most steps in one call of `step`. */
  readonly maxBatch: number;
}

/** Settings every engine takes; the folder holds what the artifact manifest lists for the model. */
export interface EngineSettings {
  readonly modelFolder: string;
  /** Intra-op threads of one instance. */
  readonly threads: number;
  readonly precision: 'int8' | 'float32';
  readonly executionProvider: 'cpu' | 'cuda';
  /** Where graphs made from the model are kept if not beside it. Default: the cache folder of this user. */
  readonly graphsFolder?: string | undefined;
}

/** What a step's result makes possible: the steps that can be asked for next. */
export interface Opened {
  /** Batch key of each of those steps, in order. */
  readonly batchKeys: readonly string[];
  /** Rate of the audio that they make. */
  readonly sampleRateHz: number;
}

/** A step that failed alone: the others of its batch are not harmed. */
export interface StepFailure {
  readonly failed: string;
}

/**
 * One loaded model. `step` runs the steps of one batch together and answers in their order; all of a batch have the same
 * `batchKey`. State of an utterance or STT stream is held under its id until `release`.
 */
export interface Engine<Step extends { readonly id: string }, Result> {
  readonly capabilities: EngineCapabilities;
  /** Runs every graph once, so that the first request finds memory and kernels ready. */
  warmUp(): Promise<void>;
  /** Steps with different keys may not share a batch. */
  batchKey(step: Step): string;
  step(batch: readonly Step[]): Promise<(Result | StepFailure)[]>;
  /** What a result makes possible, where later steps can be asked for at once. */
  opened?(result: Result, step: Step): Opened | undefined;
  /** Forgets what is held for this id; unknown ids are ignored. */
  release(id: string): void;
  close(): Promise<void>;
}
