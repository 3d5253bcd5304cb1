import type { Lease } from '@app/licensing';
import { backoffMs, pauseAfter } from './backoff';

/**
 * When the next check-in is due. Times are milliseconds of a clock that never goes back, so that a wrong wall clock
 * neither floods the endpoint nor keeps it from being asked.
 */
export type CheckInSchedule =
  /** Nothing failed since the last lease, which came at `sinceMs`. */
  | { readonly state: 'waiting'; readonly sinceMs: number; readonly dueMs: number }
  | { readonly state: 'retrying'; readonly dueMs: number; readonly failures: number }
  /** A check-in is under way. `failures`: in a row before it. */
  | { readonly state: 'asking'; readonly failures: number };

/** Share of the interval after which the next check-in is due at the earliest. */
const earliestShare = 0.8;

/** The schedule of a process that starts, by the clock that counts: at once unless the lease is fresh. */
export function scheduleAtStart(
  lease: Lease | undefined,
  timeMs: number,
  nowMs: number,
  random: number,
): CheckInSchedule {
  if (!lease) return { state: 'waiting', sinceMs: nowMs, dueMs: nowMs };
  const ageMs = Math.max(0, timeMs - lease.iat * 1_000);
  return { state: 'waiting', sinceMs: nowMs, dueMs: nowMs + Math.max(0, pauseOf(lease, random) - ageMs) };
}

/** The schedule after a lease has come, to this process or to another replica. */
export const afterLease = (lease: Lease, nowMs: number, random: number): CheckInSchedule => ({
  state: 'waiting',
  sinceMs: nowMs,
  dueMs: nowMs + pauseOf(lease, random),
});

/** The schedule after a check-in that gave no lease: never later than a regular one would be. */
export function afterFailure(
  before: CheckInSchedule,
  lease: Lease | undefined,
  nowMs: number,
  random: number,
): CheckInSchedule {
  const failures = (before.state === 'waiting' ? 0 : before.failures) + 1;
  const regularMs = lease ? intervalMs(lease) : Infinity;
  return { state: 'retrying', dueMs: nowMs + Math.min(pauseAfter(failures, random), regularMs), failures };
}

/** The schedule of a check-in that begins now. */
export const asking = (before: CheckInSchedule): CheckInSchedule => ({
  state: 'asking',
  failures: before.state === 'waiting' ? 0 : before.failures,
});

/**
 * Whether to check in now. A lease that ended before the check-in was due, by the clock that counts, is renewed after the
 * longest pause: the clock of the schedule stands still while a machine sleeps.
 */
export function isDue(schedule: CheckInSchedule, nowMs: number, hasLeaseEnded = false): boolean {
  if (schedule.state === 'asking') return false;
  const isLate = hasLeaseEnded && schedule.state === 'waiting' && nowMs >= schedule.sinceMs + backoffMs.longest;
  return isLate || nowMs >= schedule.dueMs;
}

/** At most half of the lease, so that a check-in that fails can be tried again in time. */
const intervalMs = ({ checkInSeconds, iat, exp }: Lease): number => Math.min(checkInSeconds, (exp - iat) / 2) * 1_000;

const pauseOf = (lease: Lease, random: number): number =>
  intervalMs(lease) * (earliestShare + (1 - earliestShare) * random);
