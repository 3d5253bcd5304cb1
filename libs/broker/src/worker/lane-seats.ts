import { laneClasses, ProblemError } from '@app/protocol';
import type { Delivery, JobSource } from '../broker';
import { LanePuller } from './lane-puller';
import { WaitingJobs } from './waiting-jobs';
import type { ServedLane } from './worker-contract';

/** Most jobs that wait for each seat of a lane. Knative's queue-proxy uses the same limit for a container. */
const waitingPerSeat = 10;

/** The seats of a lane on a worker. Decides who gets the next one: a job by request or a pulled one. */
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

  /** Starts pulling. Each job that is passed to `take` has a seat. */
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

  /** Resolves when a job of this class has a seat. `JobTaker` documents the rejections. */
  async take(jobClass: string, gone: AbortSignal): Promise<void> {
    const rank = laneClasses(this.served.lane).indexOf(jobClass);
    if (rank < 0) throw new ProblemError('not_found', { detail: 'The class is not one of the lane.' });
    if (this.busy < this.served.seats) this.busy += 1;
    else await this.waiting.wait(rank, gone);
  }

  /** Frees a seat for the next job that waits for it. */
  free(): void {
    if (this.waiting.seatNext()) return;
    this.busy -= 1;
    this.puller?.seatFreed();
  }

  /** Closes the lane. Resolves when no further job will get a seat. Waiting jobs are refused with the problem. */
  async close(problem: ProblemError): Promise<void> {
    this.waiting.refuseAll(problem);
    await this.puller?.stop();
  }
}
