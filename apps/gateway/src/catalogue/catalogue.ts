import { chooseArtifacts, type Artifact, type Manifest, type Serves } from '@app/artifacts';
import { functionGraph, functionOf, lanesOf, parseLane, ProblemError, ttsFunction } from '@app/protocol';
import type { JobKind, Lane } from '@app/protocol';
import { Aliases } from './aliases';
import { builtInModelNames, builtInVoiceIds } from './client-names';

/** A voice or a model that this gateway offers. */
export interface Offering extends Omit<Serves, 'lane'> {
  /** Artifact id. */
  readonly id: string;
  /** The lane whose workers serve it. */
  readonly kind: JobKind;
  readonly model: string;
}

/** The input of a catalogue: artifact ids, and aliases as `PATTERN=TARGET`. Without aliases the defaults hold. */
export interface CatalogueOptions {
  readonly served: readonly string[];
  readonly modelAliases: readonly string[];
  readonly voiceAliases: readonly string[];
}

/** The voices and models on offer. Finds them by the names that clients use. */
export class Catalogue {
  private constructor(
    private readonly offerings: readonly Offering[],
    private readonly modelAliases: Aliases,
    private readonly voiceAliases: Aliases,
  ) {}

  /** Throws `artifact_unavailable` or `config_invalid` for an id that is not in the manifest or cannot be served. */
  static from(manifest: Manifest, { served, modelAliases, voiceAliases }: CatalogueOptions): Catalogue {
    const offerings = chooseArtifacts(manifest, served).map(offeringOf);
    const first = (kind: JobKind): Offering | undefined => offerings.find((offering) => offering.kind === kind);
    const defaultModels = [...builtInModelNames].flatMap(([kind, pattern]) => {
      const model = first(kind)?.model;
      return model === undefined ? [] : [`${pattern}=${model}`];
    });
    const voice = first(ttsFunction.kind);
    const defaultVoices = voice ? builtInVoiceIds.map((id) => `${id}=${voice.id}`) : [];
    return new Catalogue(
      offerings,
      Aliases.parse(modelAliases.length > 0 ? modelAliases : defaultModels),
      Aliases.parse(voiceAliases.length > 0 ? voiceAliases : defaultVoices),
    );
  }

  /** The offerings of a function, in the order of the configuration. */
  of(kind: JobKind): readonly Offering[] {
    return this.offerings.filter((offering) => offering.kind === kind);
  }

  get voices(): readonly Offering[] {
    return this.of(ttsFunction.kind);
  }

  /**
   * The lanes for which this gateway submits jobs. A function with models has one lane for each model on offer. A
   * function without models has one lane.
   */
  get lanes(): Lane[] {
    return functionGraph.flatMap((row) => lanesOf(row, modelsOf(this.of(row.kind))));
  }

  /**
   * The lane of a function for a request without a model: that of the first model. Throws `model_not_found` if there is
   * none.
   */
  laneOf(kind: JobKind): Lane {
    const [lane] = lanesOf(functionOf(kind), modelsOf(this.of(kind)));
    if (!lane) throw modelNotFound([]);
    return lane;
  }

  /** Throws `model_not_found`, or `voice_not_found` if the voice does not exist or belongs to another model. */
  findVoice(modelName: string, voiceName: string): Offering {
    const model = this.knownModel(ttsFunction.kind, modelName);
    if (model === undefined) throw modelNotFound(this.voices);
    const voice = this.voiceById(voiceName);
    if (!voice)
      throw new ProblemError('voice_not_found', { detail: 'There is no such voice. GET /voices lists all voices.' });
    // The name of another product's model does not restrict the choice of a voice.
    if (model !== voice.model && model === modelName) {
      throw new ProblemError('voice_not_found', { detail: `The voice belongs to the model ${voice.model}.` });
    }
    return voice;
  }

  /** Finds a voice by its id, its display name in any letter case, or an alias of its id. */
  voiceById(name: string): Offering | undefined {
    const byId = (id: string | undefined) => this.voices.find((voice) => voice.id === id);
    const byName = this.voices.find((voice) => voice.name.toLowerCase() === name.toLowerCase());
    return byId(name) ?? byName ?? byId(this.voiceAliases.targetOf(name));
  }

  /** The model of a function with this client name, or undefined. */
  knownModel(kind: JobKind, name: string): string | undefined {
    const models = modelsOf(this.of(kind));
    return [name, this.modelAliases.targetOf(name)].find((candidate) => models.includes(candidate ?? ''));
  }

  /** Throws `model_not_found`. */
  findModel(kind: JobKind, name: string): Offering {
    const model = this.knownModel(kind, name);
    const found = this.of(kind).find((offering) => offering.model === model);
    if (!found) throw modelNotFound(this.of(kind));
    return found;
  }

  /** The language of an offering for a requested tag such as `en-GB` or `en_GB`. Throws `language_not_supported`. */
  languageOf(offering: Offering, wanted: string | undefined): string {
    const primary = wanted?.split(/[-_]/)[0]?.toLowerCase();
    const [own = 'en'] = offering.languages;
    if (!primary) return own;
    if (offering.languages.includes(primary)) return primary;
    const installed = [...new Set(this.of(offering.kind).flatMap(({ languages }) => languages))].sort().join(', ');
    const detail = `${offering.name} does not support this language. Supported: ${offering.languages.join(', ')}. Installed: ${installed}.`;
    throw new ProblemError('language_not_supported', { detail });
  }
}

const modelsOf = (offerings: readonly Offering[]): string[] => [...new Set(offerings.map(({ model }) => model))];

function modelNotFound(offerings: readonly Offering[]): ProblemError {
  const installed = modelsOf(offerings).join(', ') || 'none';
  return new ProblemError('model_not_found', { detail: `There is no such model here. Installed: ${installed}.` });
}

function offeringOf({ id, serves }: Artifact): Offering {
  if (!serves) throw new ProblemError('config_invalid', { detail: `SERVED: ${id} is neither a voice nor a model.` });
  const { name, description, languages, locale, gender } = serves;
  return { id, ...parseLane(serves.lane), name, description, languages, locale, gender };
}
