import { HandBack, type JobContext } from '@app/broker';
import type { Job, ResultOutput } from '@app/protocol';
import type { Log } from '@app/platform';

/**
 * Runs the work of a job. Logs one line when it begins and one when it ends, with ids and times and without content.
 * The value that the work returns, if any, is the result that ends the job. Longer work must check `context.signal`
 * between its steps.
 */
export async function runJob(
  log: Log,
  job: Job,
  context: JobContext,
  work: () => object | void | Promise<object | void>,
): Promise<void> {
  const fields = { requestId: job.requestId, jobId: job.jobId, attempt: context.attempt, model: job.model };
  const startedAtMs = performance.now();
  const ended = (outcome: string, more: object = {}): void =>
    log.info('job ended', { ...fields, outcome, tookMs: Math.round(performance.now() - startedAtMs), ...more });
  log.info('job claimed', fields);
  try {
    const result = await work();
    context.signal.throwIfAborted();
    if (result) context.emit(answer(result));
    ended('done');
  } catch (error) {
    if (context.signal.aborted) ended('dropped');
    else if (error instanceof HandBack) ended('handed back');
    else ended('failed', { err: error });
    throw error;
  }
}

const answer = (result: object): ResultOutput => ({ type: 'end', result });
