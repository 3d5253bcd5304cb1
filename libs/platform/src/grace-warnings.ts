/** The shares of a grace at which the operator is warned. */
const warningShares = [0.5, 0.2, 0.05] as const;

/** The lowest of `warningShares` that the rest of a grace, 0 to 1, has fallen to; undefined above all of them. */
const warningAt = (restShare: number): number | undefined => warningShares.findLast((share) => restShare <= share);

/** Says once when a grace has come down to each of `warningShares`. A grace that is over or has grown starts anew. */
export class GraceWarnings {
  private reached: number | undefined;

  /** The share that was reached since the last call, the lowest of several; otherwise undefined. `restShare` of no grace is 1. */
  observe(restShare: number): number | undefined {
    const share = warningAt(restShare);
    const isNew = share !== undefined && share < (this.reached ?? Infinity);
    this.reached = share;
    return isNew ? share : undefined;
  }
}
