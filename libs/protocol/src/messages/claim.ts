import { IsInt, IsNumber, IsOptional, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';

/** A worker asks the session for the job it was delivered; nothing is worked on before the answer. */
export class ClaimRequest {
  @Matches(idPattern)
  workerId!: string;

  /** Place of the delivered message in its lane; a copy at another place than the session's is gone. */
  @IsInt()
  @Min(0)
  sequence!: number;
}

/** The session's answer: this attempt is yours, go on at this sample. */
export class ClaimGranted {
  /** Numbered by the session alone, from 1. */
  @IsInt()
  @Min(1)
  attempt!: number;

  /** First sample that the session still needs. */
  @IsInt()
  @Min(0)
  offsetSamples!: number;

  /** TTS at a take-over: frames per phoneme as planned by the earlier attempt. */
  @IsOptional()
  @IsInt({ each: true })
  durations?: number[];

  /** How long the job waited for this claim, for metrics. */
  @IsNumber()
  waitedMs!: number;
}

/** The session's other answer: nobody wants this job any more; terminate it. */
export interface ClaimGone {
  readonly gone: true;
}
