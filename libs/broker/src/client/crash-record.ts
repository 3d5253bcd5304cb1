import { isDeepStrictEqual } from 'node:util';

/** How an attempt crashed. `failed`: its worker says that it broke. `silent`: its worker was not heard of any more. */
export type Crash = 'failed' | 'silent';

/** A failure at its worker points at the job. A silent worker may also have lost its machine, so it weighs half. */
const weights: Readonly<Record<Crash, number>> = { failed: 2, silent: 1 };
/** Two failures at one place of the job, or four workers that fell silent there. */
const limit = 4;

/** Whether a job is the cause of its crashes. Those at the same place add up; decision 0004 says why. */
export class CrashRecord {
  private weight = 0;
  private place: object | undefined;

  /** An attempt crashed, after which the job would go on at this place. True when the job is to be given up. */
  add(how: Crash, place: object): boolean {
    // An attempt that brought the job further shows that the crashes before it were none of its fault.
    if (!isDeepStrictEqual(place, this.place)) this.weight = 0;
    this.place = place;
    this.weight += weights[how];
    return this.weight >= limit;
  }
}
