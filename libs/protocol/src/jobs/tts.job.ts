import { IsInt, IsNumber, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { Job } from './job';

/** Longest text of one utterance, in UTF-16 units. The gateway cuts text into much shorter ones. */
export const maxUtteranceCharacters = 1_000;

/** One utterance. The outputs are `plan`, any number of `audio`, then `end`. */
export class TtsJob extends Job {
  @IsString()
  @MinLength(1)
  @MaxLength(maxUtteranceCharacters)
  text!: string;

  /** Artifact id of the voice. */
  @IsString()
  voice!: string;

  /** Primary language tag. */
  @IsString()
  language!: string;

  /** 32 bits. Equal jobs with equal seeds give equal samples. */
  @IsInt()
  @Min(0)
  @Max(0xffff_ffff)
  seed!: number;

  /** Relative pace: 1 is the voice's own. */
  @IsNumber()
  @Min(0.25)
  @Max(4)
  speed!: number;

  /**
   * Milliseconds of audio of this context that were not played when the job was published. Its first sample can wait
   * that long.
   */
  @IsInt()
  @Min(0)
  bufferedMs!: number;
}

/** Where an attempt at an utterance continues. */
export class TtsResume {
  /** The first sample of the utterance that the session still needs. */
  @IsInt()
  @Min(0)
  offsetSamples!: number;

  /** Frames per phoneme that an earlier attempt planned. Absent in the first attempt. */
  @IsOptional()
  @IsInt({ each: true })
  durations?: readonly number[];
}

/** A word or phoneme in the audio of an utterance: [text, startSample, endSample]. */
export type Span = readonly [text: string, startSample: number, endSample: number];

/** How the time of an utterance was spent in the worker, in milliseconds. */
export interface TtsTimings {
  /** From claim to the start of its first step. */
  readonly seatWaitMs: number;
  readonly frontendMs: number;
  readonly encodeMs: number;
  /** Sum of the durations of the steps of its windows. */
  readonly decodeMs: number;
  /** Duration of the step that made the first audio of this attempt. 0 if none was needed. */
  readonly firstWindowMs: number;
}

/** Outputs of a TTS job, in this order: one `plan`, any number of `audio`, one `end`. */
export type TtsOutput =
  | {
      readonly type: 'plan';
      readonly sampleRateHz: number;
      readonly totalSamples: number;
      /** Frames per phoneme, which a later attempt gets back. */
      readonly durations: readonly number[];
      readonly words: readonly Span[];
      readonly phonemes: readonly Span[];
    }
  /** The body has 32-bit float samples, mono, at the plan's sample rate, from `offsetSamples` of the utterance on. */
  | { readonly type: 'audio'; readonly offsetSamples: number }
  | { readonly type: 'end'; readonly totalSamples: number; readonly timings: TtsTimings };
