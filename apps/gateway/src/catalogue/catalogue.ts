import { chooseArtifacts, type Artifact, type Manifest, type Serves } from '@app/artifacts';
import { parseLane, ProblemError, type JobKind } from '@app/protocol';
import { Aliases } from './aliases';

/** A voice or a recognition model that this gateway offers. */
export interface Offering extends Omit<Serves, 'lane'> {
  /** Artifact id. */
  readonly id: string;
  /** Model of its lane. */
  readonly model: string;
}

/** Voice ids that clients have built in; they speak with the first voice offered. */
const builtInVoiceIds = [
  'f786b574-daa5-4673-aa0c-cbe3e8534c02',
  '6ccbfb76-1fc6-48f7-b71d-91ac6298247b',
  'a0e99841-438c-4a64-b679-ae501e7d6091',
  'e07c00bc-4134-4eae-9ea4-1a55fb45746b',
  'bf0a246a-8642-498a-9950-80c35e9276b5',
];

/** What a catalogue is made of: artifact ids, and aliases as `PATTERN=TARGET`; empty aliases stand for the defaults. */
export interface CatalogueOptions {
  readonly served: readonly string[];
  readonly modelAliases: readonly string[];
  readonly voiceAliases: readonly string[];
}

/** The voices and models on offer, found by the names that clients give them. */
export class Catalogue {
  private constructor(
    readonly voices: readonly Offering[],
    readonly sttModels: readonly Offering[],
    private readonly modelAliases: Aliases,
    private readonly voiceAliases: Aliases,
  ) {}

  /** Throws `artifact_unavailable` or `config_invalid` for what the manifest does not know. */
  static from(manifest: Manifest, { served, modelAliases, voiceAliases }: CatalogueOptions): Catalogue {
    const artifacts = chooseArtifacts(manifest, served);
    const voices = offerings(artifacts, 'tts');
    const sttModels = offerings(artifacts, 'stt');
    const [voice, sttModel] = [voices[0], sttModels[0]];
    const defaultModels = [
      ...(voice ? [`sonic*=${voice.model}`] : []),
      ...(sttModel ? [`ink*=${sttModel.model}`] : []),
    ];
    const defaultVoices = voice ? builtInVoiceIds.map((id) => `${id}=${voice.id}`) : [];
    return new Catalogue(
      voices,
      sttModels,
      Aliases.parse(modelAliases.length > 0 ? modelAliases : defaultModels),
      Aliases.parse(voiceAliases.length > 0 ? voiceAliases : defaultVoices),
    );
  }

  /** Throws `model_not_found`, or `voice_not_found` for a voice that is not there or not one of this model. */
  findVoice(modelName: string, voiceName: string): Offering {
    const model = this.knownTtsModel(modelName);
    if (!model) throw modelNotFound(this.voices);
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

  /** The lane's model that a client's model name stands for, if any. */
  knownTtsModel(name: string): string | undefined {
    return this.resolve(name, modelsOf(this.voices));
  }

  knownSttModel(name: string): string | undefined {
    return this.resolve(name, modelsOf(this.sttModels));
  }

  /** Throws `model_not_found`. */
  findSttModel(name: string): Offering {
    const model = this.knownSttModel(name);
    const found = this.sttModels.find((offering) => offering.model === model);
    if (!found) throw modelNotFound(this.sttModels);
    return found;
  }

  /** A voice's language for what a client asked: `en-GB`, `en_GB` or nothing; throws `language_not_supported`. */
  languageOf(offering: Offering, wanted: string | undefined): string {
    const primary = wanted?.split(/[-_]/)[0]?.toLowerCase();
    const [own = 'en'] = offering.languages;
    if (!primary) return own;
    if (offering.languages.includes(primary)) return primary;
    const peers = this.voices.includes(offering) ? this.voices : this.sttModels;
    const installed = [...new Set(peers.flatMap(({ languages }) => languages))].sort().join(', ');
    const detail = `${offering.name} does not know this language; it knows: ${offering.languages.join(', ')}. Installed: ${installed}.`;
    throw new ProblemError('language_not_supported', { detail });
  }

  private resolve(name: string, models: readonly string[]): string | undefined {
    return [name, this.modelAliases.targetOf(name)].find((candidate) => models.includes(candidate ?? ''));
  }
}

const modelsOf = (offerings: readonly Offering[]): string[] => [...new Set(offerings.map(({ model }) => model))];

function modelNotFound(offerings: readonly Offering[]): ProblemError {
  const installed = modelsOf(offerings).join(', ') || 'none';
  return new ProblemError('model_not_found', { detail: `There is no such model here; installed: ${installed}.` });
}

function offerings(artifacts: readonly Artifact[], kind: JobKind): Offering[] {
  return artifacts.flatMap(({ id, serves }) => {
    if (!serves) throw new ProblemError('config_invalid', { detail: `SERVED: ${id} is neither a voice nor a model.` });
    const lane = parseLane(serves.lane);
    if (lane.kind !== kind) return [];
    const { name, description, languages, locale, gender } = serves;
    return [{ id, model: lane.model, name, description, languages, locale, gender }];
  });
}
