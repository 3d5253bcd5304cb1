import type { ProblemError } from '@app/protocol';

/** The fields of every error message. They include the fields that old and new clients read. */
const superset = (problem: ProblemError, requestId: string) => ({
  type: 'error' as const,
  status_code: problem.row.status,
  error_code: problem.code,
  title: problem.row.title,
  message: problem.detail,
  error: `${problem.row.title}: ${problem.detail}`,
  request_id: requestId,
});

/** An error of a TTS socket or SSE stream. The context id is left out if unknown. It is never null. */
export const ttsErrorMessage = (problem: ProblemError, requestId: string, contextId?: string) => ({
  ...(contextId === undefined ? {} : { context_id: contextId }),
  ...superset(problem, requestId),
  done: true as const,
});

/** An error of an STT socket. Old clients read `code` as the status. */
export const sttErrorMessage = (problem: ProblemError, requestId: string) => ({
  ...superset(problem, requestId),
  code: problem.row.status,
});
