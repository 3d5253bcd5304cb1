import type { Admission } from './gatekeeper';

/** A place among what is active, under one admission and then under a newer one. */
export class Place {
  private leave: (() => void) | undefined;

  constructor(private admission: Admission) {}

  /** Takes the place until the returned function is called; throws `concurrency_limited`. */
  enter(): () => void {
    this.leave = this.admission.enter();
    return () => this.giveUp();
  }

  /** From now on under this admission, whose limit may be another; throws `concurrency_limited`, and the place is lost. */
  admitAnew(admission: Admission): void {
    this.admission = admission;
    if (!this.leave) return;
    this.giveUp();
    this.leave = admission.enter();
  }

  private giveUp(): void {
    this.leave?.();
    this.leave = undefined;
  }
}
