import type { ProblemError } from '@app/protocol';

/** A problem as a caller sees it over HTTP. */
export interface ProblemBody {
  readonly error_code: string;
  readonly title: string;
  readonly message: string;
  readonly request_id: string;
}

/** The body of a problem; the same four fields are the heart of an error on a socket. */
export const problemBody = (problem: ProblemError, requestId: string): ProblemBody => ({
  error_code: problem.code,
  title: problem.row.title,
  message: problem.detail,
  request_id: requestId,
});

/** Headers of a problem: when to come back, or that it is of no use to. */
export function problemHeaders(problem: ProblemError): Record<string, string> {
  const { retryAfterSeconds, row } = problem;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  // Clients retry every 5xx unless they are told not to.
  if (row.status >= 500 && !row.retryable) headers['x-should-retry'] = 'false';
  return headers;
}
