import { IsInt, IsNumber, IsObject, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';

/** A worker asks the session for the job it was delivered; nothing is worked on before the answer. */
export class ClaimRequest {
  @Matches(idPattern)
  workerId!: string;

  /** Sequence of the delivered message in its lane. A copy with another sequence than the session's is gone. */
  @IsInt()
  @Min(0)
  sequence!: number;
}

/** The session's answer: this attempt is yours, and here is where it goes on. */
export class ClaimGranted {
  /** Numbered by the session alone, from 1. */
  @IsInt()
  @Min(1)
  attempt!: number;

  /** Where the attempt goes on, in the form that the kind defines. */
  @IsObject()
  resume!: object;

  /** How long the job waited for this claim, in milliseconds; for metrics. */
  @IsNumber()
  waitedMs!: number;
}

/** The session's other answer: nobody wants this job any more; terminate it. */
export interface ClaimGone {
  readonly gone: true;
}
