import { ProblemError } from '@app/protocol';

/** How many threads there may be, and how long a recording may wait for one. */
export interface PlaceLimits {
  readonly maxThreads: number;
  readonly maxWaitMs: number;
}

/** Seconds after which a sender that waited in vain may try again. A short recording is over by then. */
const retryAfterSeconds = 5;

interface Waiting {
  readonly owner: string;
  begin(): void;
}

/**
 * The places of decoder threads. An owner has at most half of them (rounded up), so that no one can keep all others
 * waiting. A free place goes to the waiting owner with the fewest threads, and among equals to the one who came first.
 */
export class ThreadPlaces {
  private readonly takenByOwner = new Map<string, number>();
  private taken = 0;
  private readonly waiting = new Set<Waiting>();

  constructor(private readonly limits: PlaceLimits) {}

  /**
   * Resolves when there is a place, to a function that gives it back. Throws `worker_unavailable` if there is none in
   * time, and `cancelled` if the signal aborts.
   */
  take(owner: string, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const giveUp = (problem: ProblemError): void => {
        leave();
        reject(problem);
      };
      const cancel = (): void => giveUp(new ProblemError('cancelled'));
      const timer = setTimeout(() => giveUp(noPlace()), this.limits.maxWaitMs);
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        this.waiting.delete(waiting);
      };
      const waiting: Waiting = {
        owner,
        begin: () => {
          leave();
          resolve(this.occupy(owner));
        },
      };
      if (signal.aborted) return cancel();
      signal.addEventListener('abort', cancel);
      this.waiting.add(waiting);
      this.fill();
    });
  }

  private occupy(owner: string): () => void {
    this.count(owner, 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.count(owner, -1);
      this.fill();
    };
  }

  private fill(): void {
    while (this.taken < this.limits.maxThreads) {
      const next = this.next();
      if (!next) return;
      next.begin();
    }
  }

  private next(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const one of this.waiting) if (!best || this.of(one.owner) < this.of(best.owner)) best = one;
    return best && this.of(best.owner) < Math.ceil(this.limits.maxThreads / 2) ? best : undefined;
  }

  private of(owner: string): number {
    return this.takenByOwner.get(owner) ?? 0;
  }

  private count(owner: string, more: number): void {
    this.taken += more;
    const threads = this.of(owner) + more;
    if (threads > 0) this.takenByOwner.set(owner, threads);
    else this.takenByOwner.delete(owner);
  }
}

function noPlace(): ProblemError {
  const detail = 'Too many compressed files are decoded at the moment. Try again later, or send WAV.';
  return new ProblemError('worker_unavailable', { detail, retryAfterSeconds });
}
