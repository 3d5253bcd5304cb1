import type { JobContext, JobOutput } from '@app/broker';
import { Log } from '@app/platform';
import type { ResultOutput } from '@app/protocol';

/** What a handler is given with a job, and what it made of it. */
export interface RecordedContext extends JobContext {
  readonly outputs: JobOutput[];
  /** The result that ended the job; throws while there is none. */
  readonly result: object;
}

/** What a handler is given with a job that has this body and is not drained, nor cancelled but by this signal. */
export function jobContext(body: Uint8Array, signal = new AbortController().signal): RecordedContext {
  const outputs: JobOutput[] = [];
  return {
    jobId: 'job-1',
    attempt: 1,
    resume: {},
    headers: {},
    body,
    inputs: noInputs(),
    signal,
    drain: new AbortController().signal,
    emit: (output) => void outputs.push(output),
    outputs,
    get result() {
      const last = outputs.at(-1) as ResultOutput | undefined;
      if (last?.type !== 'end') throw new Error('the job has no result');
      return last.result;
    },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* noInputs(): AsyncGenerator<never> {}

/** A log that nobody reads. */
export const silentLog = (): Log => Log.create('test', 'info', { write: () => undefined });

/** The result with which a handler ends the job; rejects with the problem it ends it with. */
export async function resultOf(run: (context: JobContext) => Promise<void>, body: Uint8Array): Promise<object> {
  const context = jobContext(body);
  await run(context);
  return context.result;
}
