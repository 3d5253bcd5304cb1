import { HandBack, type JobContext, type JobEmission } from '@app/broker';
import type { Job } from '@app/protocol';
import type { Log } from '@app/platform';
import { Observable } from 'rxjs';
import { StepDropped } from '../engine/engine-pool';

/** A job at work. */
export interface RunningJob {
  /** Resolves after its last output; rejects with what the job protocol should make of it. */
  readonly done: Promise<void>;
  /** Frees everything at once. */
  drop(): void;
}

/** A running job as the job protocol wants it: outputs, then completion; unsubscribed to stop it. */
export function emissionsOf(start: (emit: (emission: JobEmission) => void) => RunningJob): Observable<JobEmission> {
  return new Observable((subscriber) => {
    const running = start((emission) => subscriber.next(emission));
    running.done.then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => running.drop();
  });
}

/**
 * Runs a job whose only output is its result, and logs it. The work may look at the signal between its steps: it is aborted
 * when nobody wants the result any more.
 */
export function resultEmission(
  log: Log,
  job: Job,
  context: JobContext,
  work: (dropped: AbortSignal) => object | Promise<object>,
): Observable<JobEmission> {
  return emissionsOf((emit) => {
    const dropped = new AbortController();
    const answer = async (): Promise<void> => {
      const result = await work(dropped.signal);
      dropped.signal.throwIfAborted();
      emit({ output: { type: 'end', result } });
    };
    return logged(log, job, context, { done: answer(), drop: () => dropped.abort(new StepDropped()) });
  });
}

/** Writes a line when a job begins and one when it ends, with ids and times, never its content. */
export function logged(log: Log, job: Job, context: JobContext, running: RunningJob): RunningJob {
  const fields = { requestId: job.requestId, jobId: job.jobId, attempt: context.attempt, model: job.model };
  const startedAtMs = performance.now();
  const ended = (outcome: string, more: object = {}): void =>
    log.info('job ended', { ...fields, outcome, tookMs: Math.round(performance.now() - startedAtMs), ...more });
  log.info('job claimed', { ...fields, offsetSamples: context.offsetSamples });
  running.done.then(
    () => ended('done'),
    (error: unknown) => {
      if (error instanceof StepDropped) ended('dropped');
      else if (error instanceof HandBack) ended('handed back');
      else ended('failed', { err: error });
    },
  );
  return running;
}
