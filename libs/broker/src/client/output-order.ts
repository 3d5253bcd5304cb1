/** The reactions to a gap. */
export interface GapActions {
  /** Asks the worker to send its outputs again from this sequence number on. */
  resume(sequence: number): void;
  /** Called when the gap stayed open for too long. */
  giveUp(): void;
}

/** Interval of resume requests while a gap is open, in milliseconds. */
const resumeIntervalMs = 200;

/** Passes the outputs of an attempt in order and once, and closes gaps. */
export class OutputOrder {
  private next = 0;
  private resumes: NodeJS.Timeout | undefined;
  private bound: NodeJS.Timeout | undefined;

  constructor(
    private readonly boundMs: number,
    private readonly actions: GapActions,
  ) {}

  /**
   * Whether this output is the next one. False for an output that was received before, and for one after a gap, which
   * will be sent again.
   */
  isNext(sequence: number): boolean {
    if (sequence > this.next) this.openGap();
    if (sequence !== this.next) return false;
    this.next += 1;
    this.closeGap();
    return true;
  }

  /** Sets the number of outputs that were sent. The missing ones are requested. */
  expect(count: number): void {
    if (count > this.next) this.openGap();
  }

  /** Starts again for a new attempt. */
  reset(): void {
    this.next = 0;
    this.closeGap();
  }

  private openGap(): void {
    if (this.bound) return;
    this.actions.resume(this.next);
    this.resumes = setInterval(() => this.actions.resume(this.next), resumeIntervalMs);
    this.bound = setTimeout(() => this.actions.giveUp(), this.boundMs);
  }

  private closeGap(): void {
    clearInterval(this.resumes);
    clearTimeout(this.bound);
    this.bound = undefined;
  }
}
