import type { InputEnvelope } from '@app/protocol';
import type { JobInput } from './job-contract';

/** Sends frames to workers. */
export interface WorkerSender {
  readonly now: () => number;
  sendToWorker(workerId: string, jobId: string, envelope: InputEnvelope, body?: Uint8Array): void;
}

/** The worker that holds the current attempt at a job, from the session's point of view. */
export class AttemptHolder {
  private heardAtMs: number;
  private inputs = 0;

  constructor(
    private readonly sender: WorkerSender,
    private readonly jobId: string,
    readonly workerId: string,
    private readonly attempt: number,
  ) {
    this.heardAtMs = sender.now();
  }

  /** Whether a message is from this attempt. If so, it counts as a sign of life. */
  isFrom(workerId: string, attempt: number): boolean {
    if (workerId !== this.workerId || attempt !== this.attempt) return false;
    this.heard();
    return true;
  }

  heard(): void {
    this.heardAtMs = this.sender.now();
  }

  isSilentFor(timeMs: number): boolean {
    return this.sender.now() - this.heardAtMs > timeMs;
  }

  input(input: JobInput, body?: Uint8Array): void {
    this.send({ type: 'input', sequence: this.inputs++, input }, body);
  }

  /** Sends the number of inputs, so that the worker notices a lost last input. */
  inputCount(): void {
    if (this.inputs > 0) this.send({ type: 'count', sequence: this.inputs });
  }

  /** Requests its outputs again, from this one on. */
  resume(sequence: number): void {
    this.send({ type: 'resume', sequence });
  }

  cancel(reason: string): void {
    this.send({ type: 'cancel', reason });
  }

  /** Tells the worker that another attempt owns the job, so that it leaves the message alone. */
  supersede(): void {
    this.send({ type: 'cancel', reason: 'superseded', superseded: true });
  }

  private send(frame: Omit<InputEnvelope, 'attempt'>, body?: Uint8Array): void {
    try {
      this.sender.sendToWorker(this.workerId, this.jobId, { attempt: this.attempt, ...frame }, body);
    } catch {
      // Without NATS the worker loses the job anyway. The next claim says where to continue.
    }
  }
}
