import type { EngineCapabilities, EngineLoad, Opened } from '@app/speech/engines';

export type { Opened };

/** The engine that a process loads (named by a row of the function graph), and its models. */
export interface EngineSpec extends EngineLoad {
  readonly engine: string;
}

/** The outcome of one step. */
export type StepOutcome<Result> = { readonly result: Result; readonly opened?: Opened } | { readonly failed: string };

/** Steps that ran in one call of the engine. */
export interface BatchReport {
  readonly op: string;
  readonly size: number;
  readonly durationMs: number;
}

/** Messages to an engine process. */
export type EngineRequest<Step> =
  /**
   * Without a warm-up the engine is ready sooner, but its first steps are slower. That is better if work is already
   * waiting.
   */
  | { readonly type: 'load'; readonly spec: EngineSpec; readonly warmUp: boolean }
  /** At most one at a time. */
  | { readonly type: 'step'; readonly callId: number; readonly steps: readonly Step[] }
  /** Frees the state of this id. */
  | { readonly type: 'release'; readonly id: string };

/** Messages from an engine process. */
export type EngineReply<Result> =
  | { readonly type: 'ready'; readonly capabilities: EngineCapabilities }
  | { readonly type: 'failed'; readonly reason: string }
  /** A model is being read from disk, so the running call may take longer. */
  | { readonly type: 'loading' }
  | {
      readonly type: 'stepped';
      readonly callId: number;
      /** In the order of the steps. */
      readonly outcomes: readonly StepOutcome<Result>[];
      readonly batches: readonly BatchReport[];
    };
