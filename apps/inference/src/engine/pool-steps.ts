import type { BatchPolicy } from '@app/speech/batching';
import type { EngineChildSettings } from './engine-child';
import type { BatchReport, Opened } from './engine.messages';

/** A step to be run once the scheduler chooses it. */
export interface StepRequest<Step> {
  /** Whose state it reads or writes: an utterance or an STT stream. */
  readonly id: string;
  /** Steps of one line run in the order they were asked for; absent: the id is the line. */
  readonly line?: string;
  readonly batchKey?: string | undefined;
  /** See the scheduler. */
  readonly dueMs: number;
  /** See the scheduler. */
  readonly awaited?: boolean;
  /** Whether it must run in the process that holds the id's state; otherwise any will do. */
  readonly stateful: boolean;
  /** Called when it is about to run, so that it can hold what is known by then. */
  make(): Step;
}

/** A step that ran. */
export interface StepDone<Result> {
  readonly result: Result;
  readonly opened: Opened | undefined;
  readonly startedAtMs: number;
  /** Time of the call it was part of. */
  readonly tookMs: number;
  /** Steps in that call. */
  readonly batchSize: number;
}

/** What a pool reports about itself, for metrics and logs. */
export interface EnginePoolObserver {
  onBatch(batch: BatchReport): void;
  onEngineExit(reason: string): void;
  /** Called when the number of ready engines changed. */
  onReadyChange(ready: number): void;
}

/** How a lane's engines are run. */
export interface EnginePoolSettings {
  /** How many processes. */
  readonly engines: number;
  readonly child: EngineChildSettings;
  readonly policy: BatchPolicy;
}

/** The rejection of a step that was dropped before it ran. */
export class StepDropped extends Error {
  override readonly name = 'StepDropped';
}
