import type { EngineCapabilities, EngineLoad, Opened } from '@app/speech/engines';

export type { Opened };

/** What an engine process is to load: the engine that a row of the function graph names, and its models. */
export interface EngineSpec extends EngineLoad {
  readonly engine: string;
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
