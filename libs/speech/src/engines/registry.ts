import { SpeechError } from '../speech-error';
import * as definitions from './definitions';
import type { Engine } from './engine';
import type { EngineDefinition, EngineLoad, EngineStep } from './engine-definition';

type Definition = (typeof definitions)[keyof typeof definitions];

/** The name of an engine. An engine is a folder of `engines/` and a line of `definitions.ts`. */
export type EngineName = Definition['name'];

/** The steps that an engine runs. */
export type StepOf<Name extends EngineName> =
  Extract<Definition, { readonly name: Name }> extends EngineDefinition<Name, infer Step, infer _Result> ? Step : never;

/** The result of an engine's step. */
export type StepResultOf<Name extends EngineName> =
  Extract<Definition, { readonly name: Name }> extends EngineDefinition<Name, infer _Step, infer Result>
    ? Result
    : never;

const byName = new Map<string, EngineDefinition<string, EngineStep, unknown>>(
  Object.values(definitions).map((definition) => [
    definition.name,
    definition as unknown as EngineDefinition<string, EngineStep, unknown>,
  ]),
);

/** The names of all engines. */
export const engineNames: readonly string[] = [...byName.keys()];

/**
 * Loads the engine of this name. Throws a SpeechError for an unknown name, and for models that the engine cannot use.
 */
export async function loadEngine(
  name: string,
  load: EngineLoad,
  onLoading: () => void = () => undefined,
): Promise<Engine<EngineStep, unknown>> {
  const found = byName.get(name);
  if (!found) throw new SpeechError(`there is no engine "${name}", only ${engineNames.join(', ')}`);
  return found.load(load, onLoading);
}
