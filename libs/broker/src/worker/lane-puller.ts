import type { Delivery, JobSource } from '../broker';

/** How long an open pull waits; it is opened again at once. */
const pullMs = 5_000;
/** Pause after the bus refused a pull. */
const failurePauseMs = 250;

/** What a puller needs of the worker. */
export interface SeatKeeper {
  freeSeats(): number;
  /** Takes a seat at once. */
  take(delivery: Delivery): void;
}

/**
 * Pulls the jobs of a lane while seats are free. First it takes what waits. The classes take turns in being asked first, and each
 * but the last may fill half of the free seats, so that a burst of one class does not keep all seats from another. When nothing
 * waits, it pulls one job of each class, and the first pull that brings a job ends the others. A job beyond the free seats is
 * handed back unclaimed, at most one for each class.
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

  /** Resolves when no further job will be taken. */
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
    // All of them, since a source takes one pull at a time.
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
