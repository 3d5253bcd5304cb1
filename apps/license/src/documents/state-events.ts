import type { ServiceState } from '@app/licensing';

/** Called after an event that the audit log records. The facts name no key, licence text or transcript. */
export type OnEvent = (type: string, facts: Record<string, unknown>) => void;

/** Reports each state of the service once, the first one too. */
export class StateEvents {
  private reported = '';

  constructor(private readonly onEvent: OnEvent | undefined) {}

  /** Takes the state of now; call it every few seconds. */
  observe(state: ServiceState): void {
    const facts = { state: state.state, ...('why' in state ? { why: state.why } : {}) };
    const name = JSON.stringify(facts);
    if (name === this.reported) return;
    this.reported = name;
    this.onEvent?.('service_state', facts);
  }
}
