import { lastValueFrom, NEVER, type Observable } from 'rxjs';
import type { JobContext, JobEmission, JobOutput } from '@app/broker';
import { Log } from '@app/platform';

/** What a handler is given with a job that has this body and is neither cancelled nor drained. */
export const jobContext = (body: Uint8Array): JobContext => ({
  jobId: 'job-1',
  attempt: 1,
  offsetSamples: 0,
  durations: undefined,
  headers: {},
  body,
  inputs: NEVER,
  drain: NEVER,
});

/** A log that nobody reads. */
export const silentLog = (): Log => Log.create('test', 'info', { write: () => undefined });

/** The result with which a handler ends a job; rejects with the problem it ends it with. */
export async function resultOf(emissions: Observable<JobEmission>): Promise<object> {
  const output: JobOutput = (await lastValueFrom(emissions)).output;
  if (output.type !== 'end' || !('result' in output)) throw new Error(`the job ended with ${output.type}`);
  return output.result;
}
