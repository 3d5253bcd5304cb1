import { subjects, type ClaimGranted } from '@app/protocol';
import type { Broker } from '../broker';
import type { JobOutput } from '../client';
import { JobStopped, type JobContext } from '../job-context';
import type { JobHeaders } from '../job-lanes';
import { AttemptOutputs } from './attempt-outputs';
import { InputQueue } from './input-queue';
import type { JobAddress } from './job-codec';

/** The content of the message of a job. */
interface JobContent {
  readonly headers: JobHeaders;
  readonly body: Uint8Array;
}

/** A granted attempt on its worker: passes inputs to its handler and sends its outputs. */
export class Attempt {
  readonly outputs: AttemptOutputs;
  readonly inputs = new InputQueue();
  private readonly stopping = new AbortController();

  constructor(
    private readonly granted: ClaimGranted,
    private readonly address: JobAddress,
    { broker, workerId }: { readonly broker: Broker; readonly workerId: string },
  ) {
    const subject = subjects.output(address.gatewayId, address.jobId);
    this.outputs = new AttemptOutputs(broker, subject, { workerId, attempt: granted.attempt });
  }

  get number(): number {
    return this.granted.attempt;
  }

  /** Milliseconds from the offer of the job to the claim. */
  get waitMs(): number {
    return this.granted.waitedMs;
  }

  /** The context for its handler. */
  context(
    { headers, body }: JobContent,
    drain: AbortSignal,
    emit: (output: JobOutput, body?: Uint8Array) => void,
  ): JobContext {
    const { inputs, stopping } = this;
    const { attempt, resume } = this.granted;
    const { jobId } = this.address;
    return { jobId, attempt, headers, body, resume, inputs, signal: stopping.signal, drain, emit };
  }

  /** Stops its handler. */
  stop(why: JobStopped['why']): void {
    this.stopping.abort(new JobStopped(why));
  }

  /** Disconnects the handler: it gets no more inputs, and its outputs are ignored. */
  leave(): void {
    this.inputs.close();
  }
}
