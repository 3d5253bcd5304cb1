import type { Delivery, JobSource } from '../broker';

/** Time that an open pull waits, in milliseconds. It is opened again at once. */
const pullMs = 5_000;
/** Pause after NATS refused a pull, in milliseconds. */
const failurePauseMs = 250;

/** The functions of the worker that a puller uses. */
export interface SeatKeeper {
  freeSeats(): number;
  /** Gives the delivery a seat at once. */
  take(delivery: Delivery): void;
}

/**
 * Pulls the jobs of a lane while seats are free. First it takes the waiting jobs. The classes take turns in being asked
 * first. Each class but the last may fill half of the free seats, so that a burst of one class does not take all seats
 * from another. If no job waits, it pulls one job of each class, and the first pull with a job ends the others. A job
 * without a free seat is handed back unclaimed. There is at most one for each class.
 */
export class LanePuller {
  private running = false;
  private ended: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  /** The class that is asked first. */
  private turn = 0;

  constructor(
    private readonly sources: readonly JobSource[],
    private readonly seats: SeatKeeper,
  ) {}

  start(): void {
    this.running = true;
    this.ended = this.loop();
  }

  /** Stops pulling. Resolves when no further job will be taken. */
  async stop(): Promise<void> {
    this.running = false;
    this.wake();
    for (const source of this.sources) source.close();
    await this.ended;
  }

  seatFreed(): void {
    this.wake();
  }

  private async loop(): Promise<void> {
    while (this.running) {
      try {
        if (this.seats.freeSeats() < 1) await this.freed();
        else if ((await this.takeWaiting()) === 0) await this.takeNext();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, failurePauseMs));
      }
    }
  }

  private freed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private async takeWaiting(): Promise<number> {
    let taken = 0;
    const inTurn = [...this.sources.slice(this.turn), ...this.sources.slice(0, this.turn)];
    for (const [index, source] of inTurn.entries()) {
      const free = this.seats.freeSeats();
      const isLast = index === inTurn.length - 1;
      if (free > 0 && this.running) taken += this.takeAll(await source.pull(isLast ? free : Math.ceil(free / 2), 0));
    }
    if (taken > 0) this.turn = (this.turn + 1) % this.sources.length;
    return taken;
  }

  private async takeNext(): Promise<void> {
    if (!this.running || this.seats.freeSeats() < 1) return;
    const pulls = this.sources.map(async (source) => {
      const deliveries = await source.pull(1, pullMs);
      if (this.takeAll(deliveries) > 0) for (const other of this.sources) if (other !== source) other.interrupt();
    });
    // Wait for all of them, since a source allows one pull at a time.
    const refused = (await Promise.allSettled(pulls)).find((pull) => pull.status === 'rejected');
    if (refused) throw refused.reason;
  }

  private takeAll(deliveries: readonly Delivery[]): number {
    let taken = 0;
    for (const delivery of deliveries) {
      if (this.running && this.seats.freeSeats() > 0) {
        this.seats.take(delivery);
        taken += 1;
      } else {
        delivery.nak();
      }
    }
    return taken;
  }
}
