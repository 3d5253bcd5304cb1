import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 100;

/** Resolves once the condition holds; what it throws counts as not yet. Rejects at the bound, with the condition's text. */
export async function eventually(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > untilMs) throw new Error(`not so within ${timeoutMs} ms: ${condition.toString()}`);
    await delay(pollMs);
  }
}
