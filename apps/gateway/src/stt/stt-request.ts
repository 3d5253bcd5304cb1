import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import type { RawFormat } from '@app/media';
import { ProblemError, validated } from '@app/protocol';
import type { Catalogue } from '../catalogue/catalogue';
import type { SttSettings } from './stream-events';

const encodings = ['pcm_s16le', 'pcm_s32le', 'pcm_f16le', 'pcm_f32le', 'pcm_mulaw', 'pcm_alaw'] as const;
const maxKeyterms = 100;
const maxKeytermCharacters = 1_200;

class RawFormatQuery {
  @IsIn(encodings)
  encoding!: (typeof encodings)[number];

  @IsInt()
  @Min(8_000)
  @Max(192_000)
  sample_rate!: number;
}

class SttRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  model!: string;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  language?: string;
}

/** The settings of a live stream, from the query of its upgrade. Throws the problem of an invalid query. */
export function liveRequest(
  query: URLSearchParams,
  catalogue: Catalogue,
): { settings: SttSettings; format: RawFormat } {
  checkKeyterms(query.getAll('keyterm'));
  const settings = sttSettings(Object.fromEntries(query), catalogue);
  return { settings: { ...settings, words: true, pace: 'live' }, format: requiredFormat(query) };
}

/** The settings of an upload, from its form or query. */
export function sttSettings(fields: object, catalogue: Catalogue): SttSettings {
  const { model: name, language } = validated(SttRequest, fields);
  const model = catalogue.findModel('stt', name);
  return { model, language: catalogue.languageOf(model, language), words: false, pace: 'upload' };
}

/** The format of an upload without a header, or undefined if the query does not name one. */
export const optionalFormat = (query: URLSearchParams): RawFormat | undefined =>
  query.has('encoding') || query.has('sample_rate') ? requiredFormat(query) : undefined;

function requiredFormat(query: URLSearchParams): RawFormat {
  const rate = query.get('sample_rate');
  const fields = {
    encoding: query.get('encoding') ?? undefined,
    sample_rate: rate === null ? undefined : Number(rate),
  };
  const { encoding, sample_rate: sampleRateHz } = validated(RawFormatQuery, fields);
  return { encoding, sampleRateHz };
}

function checkKeyterms(terms: readonly string[]): void {
  const characters = terms.reduce((sum, term) => sum + term.length, 0);
  if (terms.length <= maxKeyterms && characters <= maxKeytermCharacters) return;
  const detail = `keyterm: at most ${maxKeyterms} terms and ${maxKeytermCharacters} characters in all.`;
  throw new ProblemError('bad_request', { detail });
}
