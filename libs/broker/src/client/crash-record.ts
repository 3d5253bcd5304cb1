import { isDeepStrictEqual } from 'node:util';

/** How an attempt crashed. `failed`: its worker reported a failure. `silent`: its worker sent no more heartbeats. */
export type Crash = 'failed' | 'silent';

/** A reported failure probably comes from the job. A silent worker may have lost its machine, so it counts half. */
const weights: Readonly<Record<Crash, number>> = { failed: 2, silent: 1 };
/** The limit is two failures, or four silent workers, at the same position of the job. */
const limit = 4;

/** Decides whether a job causes its crashes. Crashes at the same position add up. Decision 0004 gives the reasons. */
export class CrashRecord {
  private weight = 0;
  private place: object | undefined;

  /** Records a crash after which the job would resume at this position. Returns true if the job must be given up. */
  add(how: Crash, place: object): boolean {
    // Progress since the last crash shows that the job did not cause it.
    if (!isDeepStrictEqual(place, this.place)) this.weight = 0;
    this.place = place;
    this.weight += weights[how];
    return this.weight >= limit;
  }
}
