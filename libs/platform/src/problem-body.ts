import type { ProblemError } from '@app/protocol';

/** The HTTP body of a problem. */
export interface ProblemBody {
  readonly error_code: string;
  readonly title: string;
  readonly message: string;
  readonly request_id: string;
}

/** The body of a problem. An error on a socket contains the same four fields. */
export const problemBody = (problem: ProblemError, requestId: string): ProblemBody => ({
  error_code: problem.code,
  title: problem.row.title,
  message: problem.detail,
  request_id: requestId,
});

/** The headers of a problem: when to retry, or that a retry is useless. */
export function problemHeaders(problem: ProblemError): Record<string, string> {
  const { retryAfterSeconds, row } = problem;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  // Clients retry every 429 and 5xx response unless a header says otherwise.
  if ((row.status === 429 || row.status >= 500) && !row.retryable) headers['x-should-retry'] = 'false';
  return headers;
}
