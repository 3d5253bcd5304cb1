import type { BatchPolicy } from '@app/speech/batching';
import type { EngineChildSettings } from './engine-child';
import type { BatchReport, Opened } from './engine.messages';

/** A step that waits until the scheduler chooses it. */
export interface StepRequest<Step> {
  /** Id of the utterance or STT stream whose state it reads or writes. */
  readonly id: string;
  /** Steps of one line run in the order of their requests. Default: the id. */
  readonly line?: string;
  readonly batchKey?: string | undefined;
  /** See the scheduler. */
  readonly dueMs: number;
  /** See the scheduler. */
  readonly awaited?: boolean;
  /** Whether it must run in the process that holds the state of the id. If not, any process can run it. */
  readonly stateful: boolean;
  /** Called just before it runs, so that it can use the latest data. */
  make(): Step;
}

/** A step that ran. */
export interface StepDone<Result> {
  readonly result: Result;
  readonly opened: Opened | undefined;
  readonly startedAtMs: number;
  /** Duration of the call that ran it. */
  readonly tookMs: number;
  /** Number of steps in that call. */
  readonly batchSize: number;
}

/** What a pool reports about itself, for metrics and logs. */
export interface EnginePoolObserver {
  onBatch(batch: BatchReport): void;
  onEngineExit(reason: string): void;
  /** Called when the number of ready engines changed. */
  onReadyChange(ready: number): void;
}

/** The settings of a lane's engines. */
export interface EnginePoolSettings {
  /** Number of processes. */
  readonly engines: number;
  readonly child: EngineChildSettings;
  readonly policy: BatchPolicy;
}

/** The rejection of a step that was dropped before it ran. */
export class StepDropped extends Error {
  override readonly name = 'StepDropped';
}
