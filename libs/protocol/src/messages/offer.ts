import { IsIn, IsNumber, IsOptional, Min } from 'class-validator';

/** Where the inference service takes the jobs of request-dispatched functions: POST, the body is the job's frame. */
export const jobsPath = '/jobs';

/** Headers of an offer: its lane (`KIND.MODEL`), its job class, and its sequence in the lane. */
export const offerHeaders = {
  lane: 'antiphon-lane',
  jobClass: 'antiphon-class',
  sequence: 'antiphon-sequence',
} as const;

/** Media type of an offer. */
export const offerMediaType = 'application/octet-stream';

/**
 * What became of an offered job: the last line of an answer that began, with status 200, when the job got its seat. `ack` and
 * `term`: the job is gone for good. `nak`, like any other end of the request: it is to be offered again.
 */
export class OfferVerdict {
  @IsIn(['ack', 'term', 'nak'])
  verdict!: 'ack' | 'term' | 'nak';

  /** Of a `nak`: not before this time has passed. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  delayMs?: number;
}
