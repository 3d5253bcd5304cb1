import { setTimeout as pause } from 'node:timers/promises';

/** How long to wait, a minute unless given, and how long between two looks, 20 ms unless given. */
export interface Patience {
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/**
 * Resolves once the condition holds. What the condition throws counts as "not yet". Rejects at the bound with the text of
 * the condition, and with what it threw last as the cause.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { withinMs = 60_000, everyMs = 20 }: Patience = {},
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${holds.toString()}`, { cause });
    await pause(everyMs);
  }
}
