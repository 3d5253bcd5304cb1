import { ProblemError, type ResultOutput } from '@app/protocol';
import type { JobClient } from './job-client';
import type { Claim, JobListener, JobOutput, JobRequest } from './job-contract';

/** Largest body of a job in bytes. A job must fit into one NATS message, by default at most 1 MiB. */
export const maxJobBodyBytes = 1_000_000;

/** The caller's side of a job that is run for its result. */
export interface ResultWaiter {
  /** Cancels the job when it aborts. */
  readonly signal: AbortSignal;
  /** Called when a claim is granted. */
  onClaim(claim: Claim): void;
}

/**
 * Submits a job whose only output is its result, and resolves to it. Rejects with the problem of the job, with
 * `cancelled` when the signal aborts, or with `too_large` if the body does not fit into a NATS message.
 */
export async function jobResult(
  jobs: Pick<JobClient, 'submit'>,
  request: JobRequest,
  waiter: ResultWaiter,
): Promise<object> {
  if ((request.body?.length ?? 0) > maxJobBodyBytes) {
    throw new ProblemError('too_large', { detail: `Send at most ${maxJobBodyBytes} bytes.` });
  }
  const { signal } = waiter;
  if (signal.aborted) throw new ProblemError('cancelled');
  const listener = new ResultListener(waiter);
  const handle = await jobs.submit(request, listener);
  const onAbort = (): void => {
    handle.cancel('disconnected');
    listener.onProblem(new ProblemError('cancelled'));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return listener.result.finally(() => signal.removeEventListener('abort', onAbort));
}

/** Waits for the result of a job that has no other output. Every attempt begins from the start. */
class ResultListener implements JobListener {
  /** Settles with the result or the problem, whichever is first. */
  readonly result: Promise<object>;
  private resolve!: (result: object) => void;
  private reject!: (problem: ProblemError) => void;

  constructor(private readonly waiter: ResultWaiter) {
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  resume(): object {
    return {};
  }

  onClaim(claim: Claim): void {
    this.waiter.onClaim(claim);
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
