/** The capabilities of an engine, known once its model is loaded. */
export interface EngineCapabilities {
  /** Sample rate in hertz of the audio that it makes (TTS) or takes (STT). */
  readonly sampleRateHz: number;
  /** Languages as lower-case BCP 47 primary tags; `en` for example. */
  readonly languages: readonly string[];
  /** Most steps in one call of `step`. */
  readonly maxBatch: number;
}

/** Settings of every engine. The folder holds the files that the artifact manifest lists for the model. */
export interface EngineSettings {
  readonly modelFolder: string;
  /** Intra-op threads of one instance. */
  readonly threads: number;
  readonly precision: 'int8' | 'float32';
  readonly executionProvider: 'cpu' | 'cuda';
  /** Folder for derived graphs if they cannot be stored beside the model. Default: the cache folder of this user. */
  readonly graphsFolder?: string | undefined;
}

/** The steps that can run next because of a step's result. */
export interface Opened {
  /** Batch key of each of those steps, in order. */
  readonly batchKeys: readonly string[];
  /** Sample rate in hertz of the audio that they make. */
  readonly sampleRateHz: number;
}

/** A failed step. The other steps of its batch are not affected. */
export interface StepFailure {
  readonly failed: string;
}

/**
 * One loaded model. `step` runs the steps of one batch together and returns the results in the same order. All steps of
 * a batch have the same `batchKey`. The engine keeps the state of an utterance or STT stream under its id until
 * `release`.
 */
export interface Engine<Step extends { readonly id: string }, Result> {
  readonly capabilities: EngineCapabilities;
  /** Runs every graph once, so that memory and kernels are ready for the first request. */
  warmUp(): Promise<void>;
  /** Steps with different keys may not share a batch. */
  batchKey(step: Step): string;
  step(batch: readonly Step[]): Promise<(Result | StepFailure)[]>;
  /** The steps that can run next, if a result makes further steps possible. */
  opened?(result: Result, step: Step): Opened | undefined;
  /** Frees the state of this id. Unknown ids are ignored. */
  release(id: string): void;
  close(): Promise<void>;
}
