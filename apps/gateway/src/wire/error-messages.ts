import type { ProblemError } from '@app/protocol';

/** The fields that every error message has, old shape and new: clients of all ages find theirs. */
const superset = (problem: ProblemError, requestId: string) => ({
  type: 'error' as const,
  status_code: problem.row.status,
  error_code: problem.code,
  title: problem.row.title,
  message: problem.detail,
  error: `${problem.row.title}: ${problem.detail}`,
  request_id: requestId,
});

/** An error of a TTS socket or SSE stream. The context id is left out when none is known, never null. */
export const ttsErrorMessage = (problem: ProblemError, requestId: string, contextId?: string) => ({
  ...(contextId === undefined ? {} : { context_id: contextId }),
  ...superset(problem, requestId),
  done: true as const,
});

/** An error of an STT socket; `code` is what old clients read as the status. */
export const sttErrorMessage = (problem: ProblemError, requestId: string) => ({
  ...superset(problem, requestId),
  code: problem.row.status,
});
