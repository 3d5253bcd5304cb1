import { ProblemError } from '@app/protocol';
import { HandBack } from '../job-context';
import type { OutputContent } from './attempt-outputs';
import type { JobOutcome } from './worker-contract';

/** Pause before a failed job is offered again, in milliseconds: an engine process that died must restart. */
const failedDelayMs = 20;

/** How an attempt ends: its last frame, and the verdict on the message once the session has accepted that frame. */
export interface AttemptEnd {
  readonly outcome: JobOutcome;
  readonly content: OutputContent;
  /** Milliseconds after which the job is offered again. Absent if it is done. */
  readonly offeredAgainMs?: number;
}

/** Hands the job back in good order. Another worker continues it. */
export const orderedHandBack: AttemptEnd = {
  outcome: 'handed_back',
  content: { handBack: 'ordered' },
  offeredAgainMs: 0,
};

/** The end of an attempt whose handler threw. */
export function endAfter(error: unknown): AttemptEnd {
  if (error instanceof HandBack) return orderedHandBack;
  const { code, detail, row } = ProblemError.from(error);
  const content = { problem: { code, detail } };
  // An unknown error is not retried here. The caller may retry its problem.
  if (!(error instanceof ProblemError) || !row.retryable) return { outcome: 'problem', content };
  return { outcome: 'failed', content: { ...content, handBack: 'failed' }, offeredAgainMs: failedDelayMs };
}
