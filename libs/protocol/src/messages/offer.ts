import { IsIn, IsNumber, IsOptional, Min } from 'class-validator';

/** Path at which the inference service takes jobs with request dispatch: a POST whose body is the job's frame. */
export const jobsPath = '/jobs';

/** Headers of an offer: its lane (`KIND.MODEL`), its job class, and its sequence number in the lane. */
export const offerHeaders = {
  lane: 'antiphon-lane',
  jobClass: 'antiphon-class',
  sequence: 'antiphon-sequence',
} as const;

/** Media type of an offer. */
export const offerMediaType = 'application/octet-stream';

/**
 * The verdict on an offered job. It is the last line of a response that began, with status 200, when the job got its
 * seat. `ack` and `term`: the job is over. `nak`, or any other end of the request: offer the job again.
 */
export class OfferVerdict {
  @IsIn(['ack', 'term', 'nak'])
  verdict!: 'ack' | 'term' | 'nak';

  /** For `nak`: the delay before the next offer, in milliseconds. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  delayMs?: number;
}
