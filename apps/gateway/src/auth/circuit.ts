/** Whether requests are sent to the license app: `closed` is yes, the other two are no. Times are monotonic, in milliseconds. */
export type Circuit =
  | { readonly state: 'closed' }
  /** It did not answer in time. It is probed at `untilMs`. */
  | { readonly state: 'open'; readonly untilMs: number }
  /** A probe is on its way, and no request waits for it. */
  | { readonly state: 'half_open' };

/** `answered`: it answered something, or refused the connection at once. A request loses no time with either. */
export type CircuitEvent = 'timed_out' | 'probe_due' | 'answered';

/** What becomes of the circuit; `openMs` is how long it stays open before the next probe. */
export function nextCircuit(circuit: Circuit, event: CircuitEvent, nowMs: number, openMs: number): Circuit {
  switch (event) {
    case 'timed_out':
      return { state: 'open', untilMs: nowMs + openMs };
    case 'probe_due':
      return circuit.state === 'open' ? { state: 'half_open' } : circuit;
    case 'answered':
      return { state: 'closed' };
  }
}
