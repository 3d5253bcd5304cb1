import type { EngineCapabilities, EngineSettings, WhisperSettings } from '@app/speech/engines';

/** What an engine process is to load. */
export type EngineSpec =
  | {
      readonly kind: 'tts';
      /** Folder of each voice by artifact id. */
      readonly voiceFolders: Readonly<Record<string, string>>;
      /** Loaded before the process says that it is ready; the others on first use. */
      readonly preload: readonly string[];
      readonly settings: Omit<EngineSettings, 'modelFolder'>;
    }
  | { readonly kind: 'stt'; readonly settings: WhisperSettings };

/** What an encoded utterance makes possible. */
export interface Opened {
  /** Batch key of each window's step. */
  readonly batchKeys: readonly string[];
  /** Of this utterance's voice. */
  readonly sampleRateHz: number;
}

/** One step's answer. */
export type StepOutcome<Result> = { readonly result: Result; readonly opened?: Opened } | { readonly failed: string };

/** Steps that went through the engine together. */
export interface BatchReport {
  readonly op: string;
  readonly size: number;
  readonly durationMs: number;
}

/** To an engine process. */
export type EngineRequest<Step> =
  /** Without a warm-up it is ready sooner, and its first steps are slower: right where work waits for it already. */
  | { readonly type: 'load'; readonly spec: EngineSpec; readonly warmUp: boolean }
  /** At most one at a time. */
  | { readonly type: 'step'; readonly callId: number; readonly steps: readonly Step[] }
  /** Forget what is held for this id. */
  | { readonly type: 'release'; readonly id: string };

/** From an engine process. */
export type EngineReply<Result> =
  | { readonly type: 'ready'; readonly capabilities: EngineCapabilities }
  | { readonly type: 'failed'; readonly reason: string }
  /** A model is being read from disk: the running call may take longer. */
  | { readonly type: 'loading' }
  | {
      readonly type: 'stepped';
      readonly callId: number;
      /** In the order of the steps. */
      readonly outcomes: readonly StepOutcome<Result>[];
      readonly batches: readonly BatchReport[];
    };
