import { IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { Job } from './job';

/** The range of each parameter of a request. The worker has the defaults, which are those of the detector. */
export const speechActivityLimits = {
  /** Probability from which 32 ms of audio count as speech. */
  threshold: { least: 0.05, most: 0.95 },
  /** Silence that separates two segments, in milliseconds. */
  minSilenceMs: { least: 32, most: 10_000 },
  /** Shortest speech that is a segment, in milliseconds. */
  minSpeechMs: { least: 32, most: 10_000 },
} as const;

const { threshold, minSilenceMs, minSpeechMs } = speechActivityLimits;

/** One recording: a WAV file in the body of the job. The result is a `SpeechActivityResult`. */
export class SpeechActivityJob extends Job {
  @IsOptional()
  @IsNumber()
  @Min(threshold.least)
  @Max(threshold.most)
  threshold?: number;

  @IsOptional()
  @IsInt()
  @Min(minSilenceMs.least)
  @Max(minSilenceMs.most)
  minSilenceMs?: number;

  @IsOptional()
  @IsInt()
  @Min(minSpeechMs.least)
  @Max(minSpeechMs.most)
  minSpeechMs?: number;
}

/** A part of the recording in which somebody speaks, in seconds from its start. */
export interface SpeechActivitySegment {
  readonly start: number;
  readonly end: number;
}

/** The result, with the field names of the API. */
export interface SpeechActivityResult {
  /** Length of the recording in seconds. */
  readonly duration: number;
  /** In order, without overlap. Empty if nobody speaks. */
  readonly segments: readonly SpeechActivitySegment[];
  /** Share of the recording that the segments cover, from 0 to 1. */
  readonly speech_share: number;
}
