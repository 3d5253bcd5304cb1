import { laneClasses, ProblemError } from '@app/protocol';
import type { Delivery, JobSource } from '../broker';
import { LanePuller } from './lane-puller';
import { WaitingJobs } from './waiting-jobs';
import type { ServedLane } from './worker-contract';

/** Most jobs that wait for a seat of a lane: as many as queue-proxy lets wait before a container. */
const waitingPerSeat = 10;

/** The seats of a lane at a worker, and who gets the next one: a job that was brought, or one that is pulled. */
export class LaneSeats {
  private readonly waiting: WaitingJobs;
  private puller: LanePuller | undefined;
  private busy = 0;

  constructor(readonly served: ServedLane) {
    this.waiting = new WaitingJobs(served.seats * waitingPerSeat);
  }

  get busySeats(): number {
    return this.busy;
  }

  /** Begins to pull; each job that `take` is given has a seat. */
  pull(sources: readonly JobSource[], take: (delivery: Delivery) => void): void {
    this.puller = new LanePuller(sources, {
      freeSeats: () => this.served.seats - this.busy,
      take: (delivery) => {
        this.busy += 1;
        take(delivery);
      },
    });
    this.puller.start();
  }

  /** Resolves when a job of this class, which was brought, has a seat; see `JobTaker` for how it rejects. */
  async take(jobClass: string, gone: AbortSignal): Promise<void> {
    const rank = laneClasses(this.served.lane).indexOf(jobClass);
    if (rank < 0) throw new ProblemError('not_found', { detail: 'The class is not one of the lane.' });
    if (this.busy < this.served.seats) this.busy += 1;
    else await this.waiting.wait(rank, gone);
  }

  /** A seat is free, for the next one who waits for it. */
  free(): void {
    if (this.waiting.seatNext()) return;
    this.busy -= 1;
    this.puller?.seatFreed();
  }

  /** Resolves when no further job will get a seat; those that wait are refused with the problem. */
  async close(problem: ProblemError): Promise<void> {
    this.waiting.refuseAll(problem);
    await this.puller?.stop();
  }
}
