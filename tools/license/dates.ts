import { ProblemError } from '@app/protocol';

/** Milliseconds since 1970 of a date of a command line, in ISO 8601; without a time of day, midnight UTC. */
export function dateOf(option: string, value: string | undefined): number {
  const form = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/;
  const timeMs = value !== undefined && form.test(value) ? Date.parse(value) : NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new ProblemError('bad_request', {
    detail: `${option} needs a date such as 2027-01-31 or 2027-01-31T12:00:00Z.`,
  });
}

/** A time as the commands print it: ISO 8601 in UTC, to the second. */
export const dateText = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
