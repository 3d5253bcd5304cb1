import { readFile } from 'node:fs/promises';
import { SpeechError } from '../../speech-error';

/** The fields that are needed from the `.onnx.json` beside a Piper voice. */
export interface VitsConfig {
  readonly sampleRateHz: number;
  /** Name of the eSpeak NG voice with whose phonemes the voice was trained. */
  readonly espeakVoice: string;
  /** Lower-case primary language tag. */
  readonly language: string;
  /** Spread of the latent noise, of the duration noise, and the voice's own pace. */
  readonly noiseScale: number;
  readonly durationNoiseScale: number;
  readonly lengthScale: number;
  readonly phonemeIds: ReadonlyMap<string, readonly number[]>;
}

/**
 * Reads the configuration of a voice. Throws a SpeechError unless it is a single-speaker voice with eSpeak phonemes.
 */
export async function readVitsConfig(path: string): Promise<VitsConfig> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SpeechError(`${path} is not a readable voice configuration`, { cause });
  }
  return new ConfigReader(path, asRecord(parsed)).read();
}

class ConfigReader {
  constructor(
    private readonly path: string,
    private readonly root: Readonly<Record<string, unknown>>,
  ) {}

  read(): VitsConfig {
    const phonemeType = this.root['phoneme_type'] ?? 'espeak';
    if (phonemeType !== 'espeak')
      this.refuse(`phoneme_type is ${JSON.stringify(phonemeType)}, only espeak is supported`);
    const speakers = this.root['num_speakers'] ?? 1;
    if (typeof speakers === 'number' && speakers > 1) {
      this.refuse(`the voice has ${speakers} speakers, only single-speaker voices are supported`);
    }
    const espeakVoice = this.text('espeak', 'voice');
    return {
      sampleRateHz: this.number('audio', 'sample_rate'),
      espeakVoice,
      language: (espeakVoice.split('-')[0] ?? espeakVoice).toLowerCase(),
      noiseScale: this.number('inference', 'noise_scale'),
      durationNoiseScale: this.number('inference', 'noise_w'),
      lengthScale: this.number('inference', 'length_scale'),
      phonemeIds: this.phonemeIds(),
    };
  }

  private phonemeIds(): Map<string, number[]> {
    const entries = Object.entries(asRecord(this.root['phoneme_id_map']));
    const ids = new Map(entries.map(([phoneme, value]) => [phoneme, this.idList(phoneme, value)]));
    for (const needed of ['_', '^', '$']) {
      if (!ids.has(needed)) this.refuse(`phoneme_id_map lacks "${needed}"`);
    }
    return ids;
  }

  private idList(phoneme: string, value: unknown): number[] {
    if (Array.isArray(value) && value.every((id): id is number => Number.isInteger(id))) return value;
    return this.refuse(`phoneme_id_map has no list of ids for "${phoneme}"`);
  }

  private number(section: string, key: string): number {
    const value = asRecord(this.root[section])[key];
    return typeof value === 'number' && value >= 0 ? value : this.refuse(`${section}.${key} is not a number`);
  }

  private text(section: string, key: string): string {
    const value = asRecord(this.root[section])[key];
    return typeof value === 'string' && value !== '' ? value : this.refuse(`${section}.${key} is not a text`);
  }

  private refuse(reason: string): never {
    throw new SpeechError(`${this.path}: ${reason}`);
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
