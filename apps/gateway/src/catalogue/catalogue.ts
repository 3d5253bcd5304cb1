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

/** What a catalogue is made of: artifact ids, and aliases as `PATTERN=TARGET`; empty aliases stand for the defaults. */
export interface CatalogueOptions {
  readonly served: readonly string[];
  readonly modelAliases: readonly string[];
  readonly voiceAliases: readonly string[];
}

/** The voices and models on offer, found by the names that clients give them. */
export class Catalogue {
  private constructor(
    private readonly offerings: readonly Offering[],
    private readonly modelAliases: Aliases,
    private readonly voiceAliases: Aliases,
  ) {}

  /** Throws `artifact_unavailable` or `config_invalid` for what the manifest does not know. */
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

  /** What is offered of a function, in the order of the configuration. */
  of(kind: JobKind): readonly Offering[] {
    return this.offerings.filter((offering) => offering.kind === kind);
  }

  get voices(): readonly Offering[] {
    return this.of(ttsFunction.kind);
  }

  /** The lanes that this gateway puts jobs into: of each function, one for each model on offer, or its only one. */
  get lanes(): Lane[] {
    return functionGraph.flatMap((row) => lanesOf(row, modelsOf(this.of(row.kind))));
  }

  /** The lane of a function for a request that names no model: that of its first model. Throws `model_not_found` where it has none. */
  laneOf(kind: JobKind): Lane {
    const [lane] = lanesOf(functionOf(kind), modelsOf(this.of(kind)));
    if (!lane) throw modelNotFound([]);
    return lane;
  }

  /** Throws `model_not_found`, or `voice_not_found` for a voice that is not there or not one of this model. */
  findVoice(modelName: string, voiceName: string): Offering {
    const model = this.knownModel(ttsFunction.kind, modelName);
    if (model === undefined) throw modelNotFound(this.voices);
    const voice = this.voiceById(voiceName);
    if (!voice)
      throw new ProblemError('voice_not_found', { detail: 'There is no such voice; GET /voices lists them.' });
    // A name of another product's model says nothing about which of ours is meant.
    if (model !== voice.model && model === modelName) {
      throw new ProblemError('voice_not_found', { detail: `The voice belongs to the model ${voice.model}.` });
    }
    return voice;
  }

  /** By its id, its display name in any letter case, or an alias of its id. */
  voiceById(name: string): Offering | undefined {
    const byId = (id: string | undefined) => this.voices.find((voice) => voice.id === id);
    const byName = this.voices.find((voice) => voice.name.toLowerCase() === name.toLowerCase());
    return byId(name) ?? byName ?? byId(this.voiceAliases.targetOf(name));
  }

  /** The model of a function that a client's name for one stands for, if any. */
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

  /** An offering's language for what a client asked: `en-GB`, `en_GB` or nothing; throws `language_not_supported`. */
  languageOf(offering: Offering, wanted: string | undefined): string {
    const primary = wanted?.split(/[-_]/)[0]?.toLowerCase();
    const [own = 'en'] = offering.languages;
    if (!primary) return own;
    if (offering.languages.includes(primary)) return primary;
    const installed = [...new Set(this.of(offering.kind).flatMap(({ languages }) => languages))].sort().join(', ');
    const detail = `${offering.name} does not know this language; it knows: ${offering.languages.join(', ')}. Installed: ${installed}.`;
    throw new ProblemError('language_not_supported', { detail });
  }
}

const modelsOf = (offerings: readonly Offering[]): string[] => [...new Set(offerings.map(({ model }) => model))];

function modelNotFound(offerings: readonly Offering[]): ProblemError {
  const installed = modelsOf(offerings).join(', ') || 'none';
  return new ProblemError('model_not_found', { detail: `There is no such model here; installed: ${installed}.` });
}

function offeringOf({ id, serves }: Artifact): Offering {
  if (!serves) throw new ProblemError('config_invalid', { detail: `SERVED: ${id} is neither a voice nor a model.` });
  const { name, description, languages, locale, gender } = serves;
  return { id, ...parseLane(serves.lane), name, description, languages, locale, gender };
}
