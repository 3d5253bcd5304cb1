import { clockSettleMs, observeClock, raiseHighWater, startHighWater, type HighWater } from './high-water';

const start = Date.parse('2026-06-01T00:00:00Z');
const hourMs = 3_600_000;
const minuteMs = 60_000;

/** Readings once a minute; the clock is wrong by `offsetMs`. */
function run(before: HighWater, forMs: number, offsetMs: number): HighWater {
  let state = before;
  const endMs = before.monotonicMs + forMs;
  while (state.monotonicMs < endMs) {
    const monotonicMs = state.monotonicMs + minuteMs;
    state = observeClock(state, { monotonicMs, wallMs: start + monotonicMs + offsetMs });
  }
  return state;
}
const settled = startHighWater(start, 0);

it('follows a clock that is right', () => {
  expect(run(settled, hourMs, 0).markMs).toBe(start + hourMs);
});

it('goes on while the clock is set back, also where that happens again and again', () => {
  let state = settled;
  for (let times = 1; times <= 24; times++) state = run(state, hourMs, -times * hourMs);
  expect(state.markMs).toBe(start + 24 * hourMs);
});

it('goes on over restarts while the clock is set back', () => {
  const before = run(settled, hourMs, -hourMs);
  const after = run(startHighWater(before.markMs, hourMs), hourMs, -2 * hourMs);
  expect(after.markMs).toBe(start + 2 * hourMs);
});

it('forgets a jump ahead that is corrected before it settles', () => {
  const jumped = run(settled, clockSettleMs, 1_000 * hourMs);
  expect(run(jumped, hourMs, 0).markMs).toBe(start + clockSettleMs + hourMs);
});

it('follows a clock that stays ahead, by the least that it was ahead', () => {
  const far = run(settled, 5 * minuteMs, 1_000 * hourMs);
  expect(run(far, 6 * minuteMs, 10 * hourMs).markMs).toBe(start + 11 * minuteMs + 10 * hourMs);
});

it('takes its first mark from a clock that has settled', () => {
  const first = startHighWater(-Infinity, 0);
  expect(run(first, clockSettleMs, 0).markMs).toBe(-Infinity);
  expect(run(first, clockSettleMs + minuteMs, 0).markMs).toBe(start + clockSettleMs + minuteMs);
});

it('is raised by a time that is proven, never lowered', () => {
  expect(raiseHighWater(settled, start + 1).markMs).toBe(start + 1);
  expect(raiseHighWater(settled, start - 1)).toBe(settled);
});
