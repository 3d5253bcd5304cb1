import type { Job } from '@app/protocol';
import type { JobOutput } from '../client';
import type { JobContext, JobHandler, ReceivedInput } from '../job-context';

/** One output with its binary part. */
export interface JobEmission {
  readonly output: JobOutput;
  readonly body?: Uint8Array;
}

/** One run of a handler, moved by the test. */
export class Run {
  readonly inputs: ReceivedInput[] = [];
  /** Resolves or rejects when the test says so, or when it is stopped. */
  readonly over: Promise<void>;
  /** Ends the handler. */
  complete!: () => void;
  fail!: (error: unknown) => void;

  constructor(
    readonly job: Job & { readonly text?: string },
    readonly context: JobContext,
  ) {
    this.over = new Promise((resolve, reject) => {
      this.complete = resolve;
      this.fail = reject;
    });
    context.signal.addEventListener('abort', () => this.fail(context.signal.reason));
    void this.readInputs();
  }

  emit({ output, body }: JobEmission): void {
    this.context.emit(output, body);
    if (output.type === 'end') this.complete();
  }

  get drained(): boolean {
    return this.context.drain.aborted;
  }

  get stopped(): boolean {
    return this.context.signal.aborted;
  }

  private async readInputs(): Promise<void> {
    for await (const received of this.context.inputs) this.inputs.push(received);
  }
}

/** A handler whose runs wait for what the test emits. */
export class ScriptedHandler {
  readonly runs: Run[] = [];

  readonly handle: JobHandler = (job, context) => {
    const run = new Run(job, context);
    this.runs.push(run);
    return run.over;
  };

  /** The latest run. */
  get last(): Run {
    const run = this.runs.at(-1);
    if (!run) throw new Error('nothing ran');
    return run;
  }
}
