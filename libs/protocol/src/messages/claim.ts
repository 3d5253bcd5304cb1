import { IsInt, IsNumber, IsObject, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';

/** A worker's request for a job that was delivered to it. Work begins after the answer. */
export class ClaimRequest {
  @Matches(idPattern)
  workerId!: string;

  /**
   * Sequence number of the delivered message in its lane. If it differs from the session's number, the message is a
   * copy and the answer is `gone`.
   */
  @IsInt()
  @Min(0)
  sequence!: number;
}

/** The session's answer that grants the attempt. */
export class ClaimGranted {
  /** Number of the attempt, from 1. Only the session assigns it. */
  @IsInt()
  @Min(1)
  attempt!: number;

  /** Where the attempt continues, in the form of the kind. */
  @IsObject()
  resume!: object;

  /** Time that the job waited for this claim, in milliseconds. For metrics. */
  @IsNumber()
  waitedMs!: number;
}

/** The session's answer that nobody wants this job. The worker must terminate it. */
export interface ClaimGone {
  readonly gone: true;
}
