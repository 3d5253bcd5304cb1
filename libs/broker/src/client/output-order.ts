/** What a gap leads to. */
export interface GapActions {
  /** Asks the worker to send again from this sequence on. */
  resume(sequence: number): void;
  /** The gap stayed open for too long. */
  giveUp(): void;
}

/** How often a resume is asked for while a gap is open. */
const resumeIntervalMs = 200;

/** Lets the outputs of an attempt through in order and once, and sees to gaps. */
export class OutputOrder {
  private next = 0;
  private resumes: NodeJS.Timeout | undefined;
  private bound: NodeJS.Timeout | undefined;

  constructor(
    private readonly boundMs: number,
    private readonly actions: GapActions,
  ) {}

  /** Whether this output is to be taken now: false for one taken before, and for one after a gap, which will be sent again. */
  isNext(sequence: number): boolean {
    if (sequence > this.next) this.openGap();
    if (sequence !== this.next) return false;
    this.next += 1;
    this.closeGap();
    return true;
  }

  /** So many outputs were sent: those that did not come are asked for. */
  expect(count: number): void {
    if (count > this.next) this.openGap();
  }

  /** For a new attempt. */
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
