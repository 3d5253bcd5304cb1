/**
 * The log of both sides of the job protocol for internal errors. The message is constant. Ids and the error are in the
 * fields.
 */
export interface JobLog {
  error(message: string, fields: Readonly<Record<string, unknown>>): void;
}
