/** How long the gateway has been without the license app, and what it does then. Times are monotonic, in milliseconds. */
export type ProxyReach =
  | { readonly state: 'active' }
  /** Since `sinceMs` it has not answered. Earlier decisions serve until `untilMs` at the latest. */
  | { readonly state: 'grace'; readonly sinceMs: number; readonly untilMs: number }
  /** The grace is over, or there was no decision to begin with. Every new request is refused. */
  | { readonly state: 'refused'; readonly sinceMs: number };

/** What `proxyReach` decides by. */
export interface ReachFacts {
  /** When it first did not answer; undefined while it answers. */
  readonly lostAtMs: number | undefined;
  /** When the last of the decisions that are kept ends; undefined where there is none. */
  readonly keptUntilMs: number | undefined;
}

/** The state at a moment. A new request gets a decision that was kept, or is refused. */
export function proxyReach({ lostAtMs: sinceMs, keptUntilMs: untilMs }: ReachFacts, nowMs: number): ProxyReach {
  if (sinceMs === undefined) return { state: 'active' };
  if (untilMs === undefined || nowMs >= untilMs) return { state: 'refused', sinceMs };
  return { state: 'grace', sinceMs, untilMs };
}
