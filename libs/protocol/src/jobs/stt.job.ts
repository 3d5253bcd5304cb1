import { IsBoolean, IsIn, IsInt, IsString, Min } from 'class-validator';
import { Job } from './job';

/** Most bytes of audio in one input. Its format is signed 16-bit little endian, mono, at the rate of `libs/speech`. */
export const maxAudioInputBytes = 64 * 1024;

/** Length of the audio that a session may send beyond what the worker has consumed, in milliseconds. */
export const creditMs = 10_000;

/** One STT stream. Inputs carry its audio. Outputs are partials, finals and `flushed`, then `end`. */
export class SttJob extends Job {
  /** Primary language tag, or `auto` if the model can detect it. */
  @IsString()
  language!: string;

  @IsBoolean()
  words!: boolean;

  /** `live`: with partials while audio arrives. `upload`: finals only, as fast as possible. */
  @IsIn(['live', 'upload'])
  pace!: 'live' | 'upload';
}

/** Where an attempt at an STT stream continues. */
export class SttResume {
  /** The first sample of the stream that the session still needs. Its inputs begin there. */
  @IsInt()
  @Min(0)
  offsetSamples!: number;
}

/** Recognised text with its position in the STT stream. Samples are counted from the stream's start. */
export interface SttSegment {
  readonly text: string;
  readonly language: string;
  readonly startSample: number;
  readonly endSample: number;
  /** Words with their positions in the stream. Empty unless requested. */
  readonly words: readonly (readonly [word: string, startSample: number, endSample: number])[];
}

/**
 * Outputs of an STT job. A partial replaces the one before it. A final covers everything up to its `endSample` and
 * never changes.
 */
export type SttOutput =
  /** The worker has consumed everything before this sample. The session may send `creditMs` beyond it. */
  | { readonly type: 'credit'; readonly consumedSamples: number }
  | ({ readonly type: 'partial' } & SttSegment)
  | ({ readonly type: 'final' } & SttSegment)
  /** The answer to `finalize`: all finals of the audio before the marker were sent. */
  | { readonly type: 'flushed'; readonly marker: number }
  | { readonly type: 'end'; readonly totalSamples: number };

/** Inputs of an STT job. The body of `audio` has 16-bit samples from `offsetSamples` of the stream on. */
export type SttInput =
  | { readonly type: 'audio'; readonly offsetSamples: number }
  | { readonly type: 'finalize'; readonly marker: number }
  /** No more audio follows. The worker sends the remaining finals, then `end`. */
  | { readonly type: 'close' };
