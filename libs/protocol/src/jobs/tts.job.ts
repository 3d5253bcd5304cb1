import { IsInt, IsNumber, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { Job } from './job';

/** Longest text of one utterance, in UTF-16 units; the gateway cuts well below it. */
export const maxUtteranceCharacters = 1_000;

/** One utterance to be spoken. Answered by `plan`, `audio`…, `end`. */
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

  /** 32 bits; the same job content with the same seed gives the same samples. */
  @IsInt()
  @Min(0)
  @Max(0xffff_ffff)
  seed!: number;

  /** 1 is the voice's own pace. */
  @IsNumber()
  @Min(0.25)
  @Max(4)
  speed!: number;

  /** Audio of this context not yet played when the job was published: how long its first sample can wait. */
  @IsInt()
  @Min(0)
  bufferedMs!: number;
}

/** Where an attempt at an utterance goes on. */
export class TtsResume {
  /** The first sample of the utterance that the session still needs. */
  @IsInt()
  @Min(0)
  offsetSamples!: number;

  /** Frames per phoneme as an earlier attempt planned them; absent in the first attempt. */
  @IsOptional()
  @IsInt({ each: true })
  durations?: readonly number[];
}

/** A text span (word or phoneme) in the audio of an utterance: [text, startSample, endSample]. */
export type Span = readonly [text: string, startSample: number, endSample: number];

/** Where the time of an utterance went inside the worker. */
export interface TtsTimings {
  /** From claim to the start of its first step. */
  readonly seatWaitMs: number;
  readonly frontendMs: number;
  readonly encodeMs: number;
  /** Sum over its windows of the time of the steps they were in. */
  readonly decodeMs: number;
  /** Time of the step that made the first audio of this attempt; 0 when none was needed. */
  readonly firstWindowMs: number;
}

/** Outputs of a TTS job, in this order: one `plan`, any number of `audio`, one `end`. */
export type TtsOutput =
  | {
      readonly type: 'plan';
      readonly sampleRateHz: number;
      readonly totalSamples: number;
      /** Frames per phoneme, given back to a later attempt. */
      readonly durations: readonly number[];
      readonly words: readonly Span[];
      readonly phonemes: readonly Span[];
    }
  /** Body: 32-bit float samples, mono, at the plan's rate, from `offsetSamples` of the utterance on. */
  | { readonly type: 'audio'; readonly offsetSamples: number }
  | { readonly type: 'end'; readonly totalSamples: number; readonly timings: TtsTimings };
