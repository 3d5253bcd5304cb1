import type { ProblemError } from '@app/protocol';

/** What ended the latest contexts whose closing message may still come, by context id. */
export class FailedContexts {
  private readonly problems = new Map<string, ProblemError>();

  constructor(private readonly limit: number) {}

  /** Keeps the problem, and forgets the oldest beyond the limit. */
  keep(contextId: string, problem: ProblemError): void {
    this.problems.delete(contextId);
    this.problems.set(contextId, problem);
    const oldest = this.problems.keys().next();
    if (this.problems.size > this.limit && !oldest.done) this.problems.delete(oldest.value);
  }

  /** The problem, which is forgotten with this. */
  take(contextId: string): ProblemError | undefined {
    const problem = this.problems.get(contextId);
    this.problems.delete(contextId);
    return problem;
  }
}
