import { IsString, Matches } from 'class-validator';

/** The form of ids, which are used as subject tokens. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** The form of a request id: printable, without white space. Any other id of a client is replaced. */
export const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The only output of a function that answers once: its result. */
export interface ResultOutput<Result extends object = object> {
  readonly type: 'end';
  readonly result: Result;
}

/** The fields of every job. */
export class Job {
  @Matches(idPattern)
  jobId!: string;

  /** The gateway that answers the claim and receives the outputs. */
  @Matches(idPattern)
  gatewayId!: string;

  /** The id of the client's request, for the logs of all three apps. */
  @Matches(requestIdPattern)
  requestId!: string;

  @IsString()
  model!: string;
}
