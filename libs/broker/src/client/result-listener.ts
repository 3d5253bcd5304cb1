import { ProblemError, type ResultOutput } from '@app/protocol';
import type { JobListener, JobOutput } from './job-contract';

/** Waits for the result of a job that has no other output. Every attempt begins from the start. */
export class ResultListener implements JobListener {
  /** Settles with the result or the problem, whichever is first. */
  readonly result: Promise<object>;
  private resolve!: (result: object) => void;
  private reject!: (problem: ProblemError) => void;

  constructor() {
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  resume(): object {
    return {};
  }

  onClaim(): void {
    // Each attempt begins from the start.
  }

  onOutput(): void {
    // A result comes with the end.
  }

  onEnd(output: JobOutput & Partial<ResultOutput>): void {
    if (output.result) this.resolve(output.result);
    else this.onProblem(new ProblemError('internal', { cause: new Error('a job ended without a result') }));
  }

  onProblem(problem: ProblemError): void {
    this.reject(problem);
  }
}
