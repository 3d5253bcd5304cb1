import { IsString, Matches } from 'class-validator';

/** Ids are used as subject tokens. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** What a request id may be: printable, without white space. Anything else that a client sends is replaced. */
export const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The only output of a function that answers at once: its result. */
export interface ResultOutput<Result extends object = object> {
  readonly type: 'end';
  readonly result: Result;
}

/** What every job says of itself, whatever its kind. */
export class Job {
  @Matches(idPattern)
  jobId!: string;

  /** Whom to claim it from and send outputs to. */
  @Matches(idPattern)
  gatewayId!: string;

  /** The client's request, for logs of all three apps. */
  @Matches(requestIdPattern)
  requestId!: string;

  @IsString()
  model!: string;
}
