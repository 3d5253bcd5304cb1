import type { Tuning } from '../batching';
import type { Engine, EngineSettings } from './engine';

/** A model or voice on this machine that an engine may load. */
export interface EngineModel {
  /** Artifact id. */
  readonly id: string;
  /** Absolute path of its files. */
  readonly folder: string;
  /** Whether it is loaded before it is asked for. */
  readonly preload: boolean;
}

/** What an engine is loaded with. */
export interface EngineLoad {
  /** The models of its lane. Empty for a lane for which nothing is fetched. */
  readonly models: readonly EngineModel[];
  readonly settings: Omit<EngineSettings, 'modelFolder'>;
  readonly tuning: Tuning;
}

/** One step of an engine: an operation on the state of an id. */
export interface EngineStep {
  readonly id: string;
  readonly op: string;
}

/** An engine by the name with which rows of the function graph ask for it. */
export interface EngineDefinition<Name extends string, Step extends EngineStep, Result> {
  readonly name: Name;
  /**
   * Loads the models that are to be preloaded. Calls `onLoading` whenever it reads a further one from disk, now or later.
   * Throws a SpeechError for a model that is not as expected.
   */
  load(load: EngineLoad, onLoading: () => void): Promise<Engine<Step, Result>>;
}

/** An engine definition, with its name as a type. */
export const defineEngine = <const Name extends string, Step extends EngineStep, Result>(
  definition: EngineDefinition<Name, Step, Result>,
): EngineDefinition<Name, Step, Result> => definition;
