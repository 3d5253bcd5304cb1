import { ProblemError } from '@app/protocol';
import type { Delivery } from '../broker';
import type { JobHeaders, LaneLoad } from '../job-lanes';

interface StoredJob {
  readonly jobClass: string;
  readonly payload: Uint8Array;
  readonly headers: JobHeaders;
  readonly sequence: number;
  readonly life: NodeJS.Timeout;
  wasDelivered: boolean;
  /** Whether a worker holds it or the delay of a nak has not passed. */
  held: boolean;
  ackWait: NodeJS.Timeout | undefined;
}

interface WaitingPull {
  readonly jobClass: string;
  readonly max: number;
  readonly deliver: (jobs: Delivery[]) => void;
}

/**
 * One lane of a memory bus with JetStream's rules: a job is delivered again after the ack wait, and a late verdict
 * counts even if another worker holds the job.
 */
export class MemoryLane {
  private readonly jobs = new Map<number, StoredJob>();
  private readonly pulls = new Set<WaitingPull>();

  constructor(
    private nextSequence: number,
    private readonly ackWaitMs: number,
    private readonly backlogBound: number,
  ) {}

  /** The sequence number of the next job. */
  get next(): number {
    return this.nextSequence;
  }

  add(jobClass: string, payload: Uint8Array, ttlMs: number, headers: JobHeaders): number {
    if (this.jobs.size >= this.backlogBound) throw new ProblemError('worker_unavailable', { retryAfterSeconds: 5 });
    const sequence = this.nextSequence++;
    const life = setTimeout(() => this.remove(sequence), ttlMs);
    this.jobs.set(sequence, {
      jobClass,
      payload,
      headers,
      sequence,
      life,
      wasDelivered: false,
      held: false,
      ackWait: undefined,
    });
    this.serve();
    return sequence;
  }

  remove(sequence: number): boolean {
    const job = this.jobs.get(sequence);
    if (!job) return false;
    clearTimeout(job.life);
    clearTimeout(job.ackWait);
    return this.jobs.delete(sequence);
  }

  has(sequence: number): boolean {
    return this.jobs.has(sequence);
  }

  load(): LaneLoad {
    const running = [...this.jobs.values()].filter((job) => job.wasDelivered).length;
    return { waiting: this.jobs.size - running, running };
  }

  clear(): void {
    for (const sequence of [...this.jobs.keys()]) this.remove(sequence);
  }

  /** Calls `deliver` once: at once with the waiting jobs, or when the next job arrives. The result cancels the pull. */
  pull(jobClass: string, max: number, deliver: (jobs: Delivery[]) => void): () => void {
    const pull = { jobClass, max, deliver };
    this.pulls.add(pull);
    this.serve();
    return () => void this.pulls.delete(pull);
  }

  private serve(): void {
    for (const pull of [...this.pulls]) {
      const waiting = [...this.jobs.values()].filter((job) => !job.held && job.jobClass === pull.jobClass);
      if (waiting.length === 0) continue;
      this.pulls.delete(pull);
      pull.deliver(waiting.slice(0, pull.max).map((job) => this.hold(job)));
    }
  }

  private hold(job: StoredJob): Delivery {
    job.wasDelivered = true;
    this.holdFor(job, this.ackWaitMs);
    const { payload, headers, sequence } = job;
    const ifStored = (action: () => void) => () => {
      if (this.jobs.get(sequence) === job) action();
    };
    return {
      payload,
      headers,
      sequence,
      ack: () => void this.remove(sequence),
      term: () => void this.remove(sequence),
      working: ifStored(() => this.holdFor(job, this.ackWaitMs)),
      nak: (delayMs = 0) => ifStored(() => (delayMs > 0 ? this.holdFor(job, delayMs) : this.release(job)))(),
    };
  }

  private holdFor(job: StoredJob, timeMs: number): void {
    job.held = true;
    clearTimeout(job.ackWait);
    job.ackWait = setTimeout(() => this.release(job), timeMs);
  }

  private release(job: StoredJob): void {
    clearTimeout(job.ackWait);
    job.held = false;
    this.serve();
  }
}
