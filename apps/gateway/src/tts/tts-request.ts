import { IsBoolean, IsDefined, IsInt, IsNumber, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { mp3BitRates, mp3SampleRatesHz, type Mp3Format } from '@app/media';
import { Nested, ProblemError, validated } from '@app/protocol';
import type { PcmOutputEncoding } from '@app/speech/audio';
import type { Catalogue, Offering } from '../catalogue/catalogue';
import type { AudioFormat } from './audio-output';

const encodings = ['pcm_s16le', 'pcm_f32le', 'pcm_mulaw', 'pcm_alaw'] as const satisfies readonly PcmOutputEncoding[];
/** The default and the maximum that the API contract defines. */
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

  @IsOptional()
  @IsInt()
  bit_rate?: number | null;
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

/** A TTS request of a client. Other fields are ignored. */
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

  /** An extension of this server. Equal requests with equal seeds give equal samples. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(0xffff_ffff)
  seed?: number | null;
}

/** The request of an HTTP call, with its text. */
export class TtsTextRequest {
  @IsString()
  transcript!: string;

  /** The context id that is repeated in the events of an SSE stream. */
  @IsOptional()
  @IsString()
  @MaxLength(512)
  context_id?: string | null;
}

/** `raw` is audio alone. `wav` has a header before the audio. */
export type Container = 'raw' | 'wav' | 'mp3';

/** The settings of a request. They do not change within a context. */
export interface TtsSettings {
  readonly voice: Offering;
  readonly language: string;
  readonly container: Container;
  /** The format of the samples. Those of `mp3` are encoded again. */
  readonly format: AudioFormat;
  /** Only for `mp3`: bits per second. */
  readonly bitRate?: Mp3Format['bitRate'];
  /** Relative pace: 1 is the voice's own. */
  readonly speed: number;
  /** Gain: 1 is the voice's own loudness. */
  readonly volume: number;
  readonly seed: number;
  readonly wordTimestamps: boolean;
  readonly phonemeTimestamps: boolean;
  /** Milliseconds that text may wait for more text before it is spoken. */
  readonly maxBufferDelayMs: number;
}

/** Validates a request against the API contract and the catalogue. Throws the problem of an invalid request. */
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
    throw new ProblemError('bad_request', { detail: 'Voice embeddings are not supported. Name a voice by its id.' });
  }
  if (typeof id === 'string') return id;
  throw new ProblemError('bad_request', { detail: 'voice must be an id, or an object with an id.' });
}

function outputOf(
  output: OutputFormat,
  containers: readonly Container[],
): Pick<TtsSettings, 'container' | 'format' | 'bitRate'> {
  const container = containers.find((candidate) => candidate === output.container);
  if (!container) {
    throw new ProblemError('bad_request', {
      detail: `output_format.container must be one of: ${containers.join(', ')}.`,
    });
  }
  if (container === 'mp3') return { container, ...mp3Output(output) };
  const encoding = encodings.find((candidate) => candidate === output.encoding);
  if (!encoding) {
    throw new ProblemError('bad_request', {
      detail: `output_format.encoding must be one of: ${encodings.join(', ')}.`,
    });
  }
  return { container, format: { encoding, sampleRateHz: output.sample_rate } };
}

/** 16 bits would lose something before the encoder loses more. A missing bit rate is 128,000. */
function mp3Output(output: OutputFormat): Pick<TtsSettings, 'format' | 'bitRate'> {
  const wanted = output.bit_rate ?? 128_000;
  // Some clients state kilobits.
  const bitRate = mp3BitRates.find((known) => known === wanted || known === wanted * 1_000);
  if (bitRate === undefined) throw notOneOf('bit_rate', mp3BitRates);
  const sampleRateHz = mp3SampleRatesHz.find((known) => known === output.sample_rate);
  if (sampleRateHz === undefined) throw notOneOf('sample_rate', mp3SampleRatesHz);
  return { format: { encoding: 'pcm_f32le', sampleRateHz }, bitRate };
}

const notOneOf = (field: string, values: readonly number[]): ProblemError =>
  new ProblemError('bad_request', { detail: `output_format.${field} of mp3 must be one of: ${values.join(', ')}.` });

const legacySpeed = (speed: unknown): number =>
  typeof speed === 'string' && Object.hasOwn(legacySpeeds, speed)
    ? legacySpeeds[speed as keyof typeof legacySpeeds]
    : 1;
