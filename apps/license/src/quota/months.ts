/** The month, in UTC, of a time in milliseconds since 1970: `2026-11`. */
export const monthAt = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 7);

/** The month before the one of a time. */
export const previousMonthAt = (timeMs: number): string => monthAt(monthStartMs(timeMs, -1));

/** The first moment of the month after the one of a time: when monthly limits reset. */
export const nextMonthMs = (timeMs: number): number => monthStartMs(timeMs, 1);

function monthStartMs(timeMs: number, offset: number): number {
  const date = new Date(timeMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset);
}
