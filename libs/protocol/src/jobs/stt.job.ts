import { IsBoolean, IsIn, IsInt, IsString, Min } from 'class-validator';
import { Job } from './job';

/** Rate of the audio that crosses the bus towards STT workers: signed 16-bit little endian, mono. */
export const sttSampleRateHz = 16_000;

/** Most bytes of audio in one input. */
export const maxAudioInputBytes = 64 * 1024;

/** How far a session may be ahead of what the worker has consumed. */
export const creditSamples = 10 * sttSampleRateHz;

/** One STT stream. Inputs carry its audio; answered by partials, finals and `flushed`, then `end`. */
export class SttJob extends Job {
  /** Primary language tag, or `auto` where the model can tell. */
  @IsString()
  language!: string;

  @IsBoolean()
  words!: boolean;

  /** `live`: partials as it goes. `upload`: finals only, as fast as the seat allows. */
  @IsIn(['live', 'upload'])
  pace!: 'live' | 'upload';
}

/** Where an attempt at an STT stream goes on. */
export class SttResume {
  /** The first sample of the stream that the session still needs; its inputs begin there. */
  @IsInt()
  @Min(0)
  offsetSamples!: number;
}

/** Recognised text with its place in the STT stream; sample offsets count from the stream's start. */
export interface SttSegment {
  readonly text: string;
  readonly language: string;
  readonly startSample: number;
  readonly endSample: number;
  /** Words with their place in the stream; empty unless asked for. */
  readonly words: readonly (readonly [word: string, startSample: number, endSample: number])[];
}

/** Outputs of an STT job. A partial replaces the one before; a final covers everything up to its `endSample` for good. */
export type SttOutput =
  /** Everything before this sample was taken in: the session may send `creditSamples` beyond it. */
  | { readonly type: 'credit'; readonly consumedSamples: number }
  /** Speech began or ended at this sample, as the detector sees it. */
  | { readonly type: 'speech'; readonly speaking: boolean; readonly atSample: number }
  | ({ readonly type: 'partial' } & SttSegment)
  | ({ readonly type: 'final' } & SttSegment)
  /** Answers `finalize`: all finals of the audio before the marker were sent. */
  | { readonly type: 'flushed'; readonly marker: number }
  | { readonly type: 'end'; readonly totalSamples: number };

/** Inputs of an STT job. Body of `audio`: 16-bit samples from `offsetSamples` of the stream on. */
export type SttInput =
  | { readonly type: 'audio'; readonly offsetSamples: number }
  | { readonly type: 'finalize'; readonly marker: number }
  /** No more audio: give the remaining finals, then `end`. */
  | { readonly type: 'close' };
