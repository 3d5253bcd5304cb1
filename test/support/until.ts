import { setTimeout as pause } from 'node:timers/promises';

const withinMs = 60_000;
const pauseMs = 20;

/** Resolves when it holds; throws when it does not within a minute, so that a test that failed does not go on for ever. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`not within a minute: ${holds.toString()}`);
    await pause(pauseMs);
  }
}
