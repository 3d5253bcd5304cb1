import type { ProblemError } from '@app/protocol';

/** The problems of the latest failed contexts whose closing message may still arrive, by context id. */
export class FailedContexts {
  private readonly problems = new Map<string, ProblemError>();

  constructor(private readonly limit: number) {}

  /** Stores the problem and drops the oldest one beyond the limit. */
  keep(contextId: string, problem: ProblemError): void {
    this.problems.delete(contextId);
    this.problems.set(contextId, problem);
    const oldest = this.problems.keys().next();
    if (this.problems.size > this.limit && !oldest.done) this.problems.delete(oldest.value);
  }

  /** Returns the problem and drops it. */
  take(contextId: string): ProblemError | undefined {
    const problem = this.problems.get(contextId);
    this.problems.delete(contextId);
    return problem;
  }
}
