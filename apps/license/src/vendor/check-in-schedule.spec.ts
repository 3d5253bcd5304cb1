import fc from 'fast-check';
import type { Lease } from '@app/licensing';
import { backoffMs, pauseAfter } from './backoff';
import { afterFailure, afterLease, asking, isDue, scheduleAtStart, type CheckInSchedule } from './check-in-schedule';

const hourMs = 3_600_000;
const weekMs = 7 * 24 * hourMs;
const checkInMs = 6 * hourMs;
const leaseAt = (timeMs: number, more: Partial<Lease> = {}): Lease => ({
  jti: `lease-${timeMs}`,
  license: 'lic-1',
  iat: Math.floor(timeMs / 1_000),
  exp: Math.floor(timeMs / 1_000) + 3 * 86_400,
  checkInSeconds: checkInMs / 1_000,
  ...more,
});

/** Numbers from 0 to 1 that are the same in every run. */
function chances(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** Replicas that share their leases, over simulated time. Gives the time of each check-in. */
function simulate(replicas: number, lengthMs: number, isUp: (timeMs: number) => boolean, stepMs = 1_000): number[] {
  const random = chances(replicas);
  const checkIns: number[] = [];
  let lease: Lease | undefined;
  let schedules: CheckInSchedule[] = Array.from({ length: replicas }, () => scheduleAtStart(lease, 0, 0, random()));
  for (let nowMs = 0; nowMs < lengthMs; nowMs += stepMs) {
    for (let each = 0; each < replicas; each++) {
      const schedule = schedules[each]!;
      if (!isDue(schedule, nowMs)) continue;
      checkIns.push(nowMs);
      if (isUp(nowMs)) {
        const taken = (lease = leaseAt(nowMs));
        schedules = schedules.map(() => afterLease(taken, nowMs, random()));
      } else {
        schedules[each] = afterFailure(asking(schedule), lease, nowMs, random());
      }
    }
  }
  return checkIns;
}

it.each([1, 2, 5])('makes %d replicas check in once in an interval, over four weeks', (replicas) => {
  const times = simulate(replicas, 4 * weekMs, () => true);
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.8 * checkInMs);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(checkInMs + 1_000);
  expect(new Set(gaps).size).toBeGreaterThan(gaps.length / 2);
});

it('tries again within 15 minutes during an outage of two weeks, seldom, and is back within 15 minutes', () => {
  const [fromMs, toMs] = [weekMs, 3 * weekMs];
  const times = simulate(1, 4 * weekMs, (timeMs) => timeMs < fromMs || timeMs >= toMs);
  const inOutage = times.filter((time) => time >= fromMs && time < toMs);
  const gaps = inOutage.slice(1).map((time, index) => time - inOutage[index]!);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(backoffMs.first);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(backoffMs.longest + 1_000);
  expect(inOutage.length).toBeLessThan((2 * weekMs) / (5 * 60_000));
  expect(times.find((time) => time >= toMs)! - toMs).toBeLessThanOrEqual(backoffMs.longest + 1_000);
});

describe('at start', () => {
  it('is due at once without a lease', () => {
    expect(isDue(scheduleAtStart(undefined, weekMs, 500, 0.5), 500)).toBe(true);
  });

  it('waits where a lease is fresh, for the rest of its interval', () => {
    const lease = leaseAt(weekMs);
    expect(scheduleAtStart(lease, weekMs + hourMs, 500, 1)).toEqual({
      state: 'waiting',
      sinceMs: 500,
      dueMs: 500 + checkInMs - hourMs,
    });
    expect(scheduleAtStart(lease, weekMs + hourMs, 500, 0)).toEqual({
      state: 'waiting',
      sinceMs: 500,
      dueMs: 500 + 0.8 * checkInMs - hourMs,
    });
  });

  it('is due at once where the lease is old, and within an interval where the clock is behind the vendor', () => {
    expect(isDue(scheduleAtStart(leaseAt(0), weekMs, 500, 1), 500)).toBe(true);
    expect(scheduleAtStart(leaseAt(weekMs), 0, 500, 1)).toEqual({
      state: 'waiting',
      sinceMs: 500,
      dueMs: 500 + checkInMs,
    });
  });
});

it('asks twice within a lease, whatever interval the lease states', () => {
  const short = leaseAt(0, { exp: 3_600, checkInSeconds: 86_400 });
  expect(afterLease(short, 0, 1)).toEqual({ state: 'waiting', sinceMs: 0, dueMs: hourMs / 2 });
});

it('counts failures in a row, and never waits longer than a regular check-in would', () => {
  let schedule: CheckInSchedule = { state: 'waiting', sinceMs: 0, dueMs: 0 };
  for (let failures = 1; failures <= 3; failures++) {
    schedule = afterFailure(asking(schedule), leaseAt(0), 1_000, 1);
    expect(schedule).toEqual({ state: 'retrying', dueMs: 1_000 + pauseAfter(failures, 1), failures });
  }
  const soon = leaseAt(0, { checkInSeconds: 10 });
  expect(afterFailure(asking(schedule), soon, 0, 1)).toMatchObject({ dueMs: 10_000, failures: 4 });
});

it('has a jitter that covers the whole pause between the first and the bound', () => {
  expect([pauseAfter(1, 0), pauseAfter(1, 1), pauseAfter(4, 0), pauseAfter(4, 1)]).toEqual([
    30_000, 60_000, 30_000, 480_000,
  ]);
  expect(pauseAfter(1_000, 1)).toBe(backoffMs.longest);
});

it('renews a lease that ended while the machine slept, and does not flood the endpoint where the clock is wrong', () => {
  const schedule = afterLease(leaseAt(0), 1_000, 1);
  expect(isDue(schedule, 1_000 + backoffMs.longest, false)).toBe(false);
  expect(isDue(schedule, 1_000 + backoffMs.longest - 1, true)).toBe(false);
  expect(isDue(schedule, 1_000 + backoffMs.longest, true)).toBe(true);
});

it('is due within an interval and at most every 24 seconds, whatever happened before', () => {
  const event = fc.record({
    kind: fc.constantFrom('lease', 'failure'),
    chance: fc.double({ min: 0, max: 1, noNaN: true }),
    checkInSeconds: fc.integer({ min: 30, max: 31_536_000 }),
  });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      let schedule: CheckInSchedule = scheduleAtStart(undefined, 0, 0, 0.5);
      let lease: Lease | undefined;
      let nowMs = 0;
      for (const { kind, chance, checkInSeconds } of events) {
        if (schedule.state !== 'asking') nowMs = schedule.dueMs;
        if (kind === 'lease') {
          lease = leaseAt(nowMs, { checkInSeconds });
          schedule = afterLease(lease, nowMs, chance);
        } else {
          schedule = afterFailure(asking(schedule), lease, nowMs, chance);
        }
        const pauseMs = schedule.state === 'asking' ? 0 : schedule.dueMs - nowMs;
        const longestMs = lease ? Math.min(lease.checkInSeconds, 1.5 * 86_400) * 1_000 : backoffMs.longest;
        if (pauseMs < 24_000 || pauseMs > longestMs + 1) return false;
      }
      return true;
    }),
  );
});
