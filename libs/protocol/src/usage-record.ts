import { IsIn, IsInt, IsISO8601, IsOptional, Matches, Min } from 'class-validator';
import { idPattern, requestIdPattern } from './jobs/job';
import { ProblemError } from './problems';
import { validated } from './validation';

/** How a request ended: the types of its terminal event. */
export const usageOutcomes = ['done', 'error', 'cancelled'] as const;
export type UsageOutcome = (typeof usageOutcomes)[number];

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What one terminal event cost. One record each; it has no text and no audio. */
export class UsageRecord {
  /** Counts once, however often it is stored: the id of the context, STT stream or other job. */
  @Matches(idPattern)
  id!: string;

  /** When it ended, in UTC: `2026-11-29T09:30:00.000Z`. The month of a total is the month of this time. */
  @IsISO8601({ strict: true })
  @Matches(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, { message: 'at must be UTC with milliseconds' })
  at!: string;

  @Matches(requestIdPattern)
  requestId!: string;

  @Matches(idPattern)
  keyId!: string;

  /** The job kind: `tts`, `stt`, or that of another function. */
  @Matches(namePattern)
  kind!: string;

  @Matches(namePattern)
  model!: string;

  @IsOptional()
  @Matches(namePattern)
  voice?: string;

  /** Characters of the text that was spoken; 0 where the request had no text. */
  @IsInt()
  @Min(0)
  characters!: number;

  /** Samples of audio that were sent (TTS) or received (STT), at `sampleRateHz`. */
  @IsInt()
  @Min(0)
  audioSamples!: number;

  @IsInt()
  @Min(1)
  sampleRateHz!: number;

  @IsIn(usageOutcomes)
  outcome!: UsageOutcome;
}

/** A usage record as it is spooled and published: one line of JSON in UTF-8. Throws `bad_request` for one that breaks a rule. */
export const usageBytes = (record: UsageRecord): Uint8Array =>
  Buffer.from(JSON.stringify(validated(UsageRecord, record, { unknownFields: 'refused' })), 'utf8');

/** The record of such bytes. Throws `bad_request` where they are none. */
export function readUsageRecord(bytes: Uint8Array): UsageRecord {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new ProblemError('bad_request', { detail: 'A usage record is one line of JSON.', cause: error });
  }
  return validated(UsageRecord, value, { unknownFields: 'refused' });
}
