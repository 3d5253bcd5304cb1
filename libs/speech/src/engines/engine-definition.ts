import type { Tuning } from '../batching';
import type { Engine, EngineSettings } from './engine';

/** A model or voice on this machine that an engine may load. */
export interface EngineModel {
  /** Artifact id. */
  readonly id: string;
  /** Absolute path of its files. */
  readonly folder: string;
  /** Whether the model is loaded at start instead of at first use. */
  readonly preload: boolean;
}

/** The settings and models with which an engine is loaded. */
export interface EngineLoad {
  /** The models of its lane. Empty if the lane has no model to download. */
  readonly models: readonly EngineModel[];
  readonly settings: Omit<EngineSettings, 'modelFolder'>;
  readonly tuning: Tuning;
}

/** One step of an engine: an operation on the state of an id. */
export interface EngineStep {
  readonly id: string;
  readonly op: string;
}

/** An engine, under the name that rows of the function graph use. */
export interface EngineDefinition<Name extends string, Step extends EngineStep, Result> {
  readonly name: Name;
  /**
   * Loads the models that are to be preloaded. Calls `onLoading` each time it reads another model from disk, also after
   * the promise has resolved. Throws a SpeechError if a model is not as expected.
   */
  load(load: EngineLoad, onLoading: () => void): Promise<Engine<Step, Result>>;
}

/** An engine definition, with its name as a type. */
export const defineEngine = <const Name extends string, Step extends EngineStep, Result>(
  definition: EngineDefinition<Name, Step, Result>,
): EngineDefinition<Name, Step, Result> => definition;
