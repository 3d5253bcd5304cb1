import { ProblemError } from '@app/protocol';
import { HandBack } from '../job-context';
import type { OutputContent } from './attempt-outputs';
import type { JobOutcome } from './worker-contract';

/** Pause before a job that broke is offered again: an engine that died needs a moment. */
const failedDelayMs = 20;

/** How an attempt ends: its last frame, and once the session took that, the verdict on the message. */
export interface AttemptEnd {
  readonly outcome: JobOutcome;
  readonly content: OutputContent;
  /** Offered again, after this time, rather than done. */
  readonly offeredAgainMs?: number;
}

/** In good order, for another worker to go on with. */
export const orderedHandBack: AttemptEnd = {
  outcome: 'handed_back',
  content: { handBack: 'ordered' },
  offeredAgainMs: 0,
};

/** How an attempt ends whose handler threw. */
export function endAfter(error: unknown): AttemptEnd {
  if (error instanceof HandBack) return orderedHandBack;
  const { code, detail, row } = ProblemError.from(error);
  const content = { problem: { code, detail } };
  // An unknown error is not tried again: the problem that stands for it can be, by its caller.
  if (!(error instanceof ProblemError) || !row.retryable) return { outcome: 'problem', content };
  return { outcome: 'failed', content: { ...content, handBack: 'failed' }, offeredAgainMs: failedDelayMs };
}
