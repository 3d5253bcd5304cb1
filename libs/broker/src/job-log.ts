/** Where either side of the job protocol says what went wrong inside: a fixed message, ids and the error in the fields. */
export interface JobLog {
  error(message: string, fields: Readonly<Record<string, unknown>>): void;
}
