import { IsBoolean, IsDefined, IsInt, IsNumber, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { Nested, ProblemError, validated } from '@app/protocol';
import type { PcmOutputEncoding } from '@app/speech/audio';
import type { Catalogue, Offering } from '../catalogue/catalogue';
import type { AudioFormat } from './audio-output';

const encodings = ['pcm_s16le', 'pcm_f32le', 'pcm_mulaw', 'pcm_alaw'] as const satisfies readonly PcmOutputEncoding[];
/** As the contract has them: what holds unless the client says otherwise, and the most that it may say. */
const defaultMaxBufferDelayMs = 3_000;
const longestBufferDelayMs = 5_000;
const legacySpeeds = { slow: 0.8, normal: 1, fast: 1.25 } as const;

class OutputFormat {
  @IsString()
  container!: string;

  @IsOptional()
  @IsString()
  encoding?: string;

  @IsInt()
  @Min(8_000)
  @Max(48_000)
  sample_rate!: number;
}

class GenerationConfig {
  @IsOptional()
  @IsNumber()
  @Min(0.25)
  @Max(4)
  speed?: number;

  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(2)
  volume?: number;
}

/** What to say and how, as a client sends it; fields not named here are ignored. */
export class TtsRequest {
  @IsString()
  @MaxLength(256)
  model_id!: string;

  @IsDefined()
  voice!: unknown;

  @IsDefined()
  @Nested(() => OutputFormat)
  output_format!: OutputFormat;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  language?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  locale?: string | null;

  @IsOptional()
  @IsBoolean()
  add_timestamps?: boolean | null;

  @IsOptional()
  @IsBoolean()
  add_phoneme_timestamps?: boolean | null;

  @IsOptional()
  @IsNumber()
  @Min(0)
  max_buffer_delay_ms?: number | null;

  @IsOptional()
  @Nested(() => GenerationConfig)
  generation_config?: GenerationConfig | null;

  /** Deprecated `slow`, `normal` or `fast`; anything else is ignored. */
  @IsOptional()
  speed?: unknown;

  /** Ours: the same request with the same seed gives the same samples. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(0xffff_ffff)
  seed?: number | null;
}

/** The request of an HTTP call: text and all. */
export class TtsTextRequest {
  @IsString()
  transcript!: string;

  /** Of an SSE stream: repeated in its events. */
  @IsOptional()
  @IsString()
  @MaxLength(512)
  context_id?: string | null;
}

/** `raw` is audio alone, `wav` has a header before it. */
export type Container = 'raw' | 'wav';

/** What a request comes to here. It does not change within a context. */
export interface TtsSettings {
  readonly voice: Offering;
  readonly language: string;
  readonly container: Container;
  readonly format: AudioFormat;
  /** 1 is the voice's own pace. */
  readonly speed: number;
  /** Gain: 1 is the voice's own loudness. */
  readonly volume: number;
  readonly seed: number;
  readonly wordTimestamps: boolean;
  readonly phonemeTimestamps: boolean;
  /** How long text may wait for more before it is spoken as it is. */
  readonly maxBufferDelayMs: number;
}

/** Checks a request against the contract and the catalogue; throws the problem to answer with. */
export function ttsSettings(body: unknown, catalogue: Catalogue, containers: readonly Container[]): TtsSettings {
  const request = validated(TtsRequest, body);
  const voice = catalogue.findVoice(request.model_id, voiceName(request.voice));
  return {
    voice,
    language: catalogue.languageOf(voice, request.language ?? request.locale ?? undefined),
    ...outputOf(request.output_format, containers),
    speed: request.generation_config?.speed ?? legacySpeed(request.speed),
    volume: request.generation_config?.volume ?? 1,
    seed: request.seed ?? 0,
    wordTimestamps: request.add_timestamps ?? false,
    phonemeTimestamps: request.add_phoneme_timestamps ?? false,
    maxBufferDelayMs: Math.min(request.max_buffer_delay_ms ?? defaultMaxBufferDelayMs, longestBufferDelayMs),
  };
}

/** `"ID"`, `{ id }` or `{ mode: "id", id }`. */
function voiceName(voice: unknown): string {
  if (typeof voice === 'string') return voice;
  const { id, mode } = (typeof voice === 'object' && voice !== null ? voice : {}) as Record<string, unknown>;
  if (mode === 'embedding') {
    throw new ProblemError('bad_request', { detail: 'Voices by embedding are not offered; name a voice by its id.' });
  }
  if (typeof id === 'string') return id;
  throw new ProblemError('bad_request', { detail: 'voice must be an id, or an object with an id.' });
}

function outputOf(output: OutputFormat, containers: readonly Container[]): Pick<TtsSettings, 'container' | 'format'> {
  const container = containers.find((candidate) => candidate === output.container);
  if (!container) {
    throw new ProblemError('bad_request', {
      detail: `output_format.container must be one of: ${containers.join(', ')}.`,
    });
  }
  const encoding = encodings.find((candidate) => candidate === output.encoding);
  if (!encoding) {
    throw new ProblemError('bad_request', {
      detail: `output_format.encoding must be one of: ${encodings.join(', ')}.`,
    });
  }
  return { container, format: { encoding, sampleRateHz: output.sample_rate } };
}

const legacySpeed = (speed: unknown): number =>
  typeof speed === 'string' && Object.hasOwn(legacySpeeds, speed)
    ? legacySpeeds[speed as keyof typeof legacySpeeds]
    : 1;
