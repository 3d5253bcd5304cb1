/** First and longest pause after failures, in milliseconds. */
export const backoffMs = { first: 30_000, longest: 15 * 60_000 } as const;

/**
 * Milliseconds until the next try after this many failures in a row: by chance between the first pause and a bound that
 * doubles with each failure up to the longest. `random` is from 0 to 1.
 */
export function pauseAfter(failures: number, random: number): number {
  const boundMs = Math.min(backoffMs.first * 2 ** failures, backoffMs.longest);
  return backoffMs.first + random * (boundMs - backoffMs.first);
}
