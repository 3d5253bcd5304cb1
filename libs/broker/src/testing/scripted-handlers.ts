import { Observable, Subject } from 'rxjs';
import type { Job } from '@app/protocol';
import type { JobContext, JobEmission } from '../job-context';
import type { JobHandler } from '../worker';
import type { ReceivedInput } from '../worker/input-queue';

/** One run of a handler, moved by the test. */
export interface Run {
  readonly job: Job & { readonly text?: string };
  readonly context: JobContext;
  readonly emit: Subject<JobEmission>;
  readonly inputs: ReceivedInput[];
  drained: boolean;
  stopped: boolean;
}

/** A handler whose runs wait for what the test emits. */
export class ScriptedHandler {
  readonly runs: Run[] = [];

  readonly handle: JobHandler = (job, context) =>
    new Observable((subscriber) => {
      const run: Run = { job, context, emit: new Subject(), inputs: [], drained: false, stopped: false };
      this.runs.push(run);
      const subscriptions = [
        run.emit.subscribe(subscriber),
        context.inputs.subscribe((input) => run.inputs.push(input)),
        context.drain.subscribe(() => (run.drained = true)),
      ];
      return () => {
        run.stopped = true;
        for (const subscription of subscriptions) subscription.unsubscribe();
      };
    });

  /** The latest run. */
  get last(): Run {
    const run = this.runs.at(-1);
    if (!run) throw new Error('nothing ran');
    return run;
  }
}
