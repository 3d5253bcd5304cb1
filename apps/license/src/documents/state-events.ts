import type { ServiceState } from '@app/licensing';
import type { OnEvent } from './license-store';

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
