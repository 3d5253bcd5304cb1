import { ProblemError } from '@app/protocol';

interface Waiting {
  readonly rank: number;
  readonly seat: () => void;
  readonly refuse: (problem: ProblemError) => void;
}

/** Jobs by request that wait for a seat. A lower rank goes first, then the order of arrival. */
export class WaitingJobs {
  private readonly waiting: Waiting[] = [];

  constructor(private readonly most: number) {}

  /**
   * Resolves when the job gets a seat. Rejects with `worker_unavailable` at once if too many jobs wait, with
   * `cancelled` when `gone` aborts, and with the problem of `refuseAll`.
   */
  wait(rank: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (gone.aborted) return reject(new ProblemError('cancelled'));
      if (this.waiting.length >= this.most) {
        return reject(new ProblemError('worker_unavailable', { retryAfterSeconds: 1 }));
      }
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        reject(new ProblemError('cancelled'));
      };
      const entry: Waiting = {
        rank,
        seat: () => {
          gone.removeEventListener('abort', leave);
          resolve();
        },
        refuse: (problem) => {
          gone.removeEventListener('abort', leave);
          reject(problem);
        },
      };
      gone.addEventListener('abort', leave, { once: true });
      const after = this.waiting.findIndex((other) => other.rank > rank);
      this.waiting.splice(after < 0 ? this.waiting.length : after, 0, entry);
    });
  }

  /** Gives the next job a seat. Returns false if no job waits. */
  seatNext(): boolean {
    const next = this.waiting.shift();
    next?.seat();
    return next !== undefined;
  }

  refuseAll(problem: ProblemError): void {
    for (const { refuse } of this.waiting.splice(0)) refuse(problem);
  }
}
