import type { Lease, License, ServiceState } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { isoDate } from './descriptions';

/** Called after an event that the audit log records. The facts name no key, licence text or transcript. */
export type OnEvent = (type: string, facts: Record<string, unknown>) => void;

/** What happens to the documents, for the audit log. */
export class DocumentEvents {
  private reportedState = '';

  constructor(
    private readonly log: Log,
    private readonly onEvent: OnEvent = () => undefined,
  ) {}

  /** `by` is the id of an admin key, `file` or `lease`. */
  installed({ jti, sub, exp }: License, by: string): void {
    const facts = { licenseId: jti, holder: sub, expires: isoDate(exp * 1_000), by };
    this.log.info('licence installed', facts);
    this.onEvent('license_installed', facts);
  }

  /** An outage of NATS is no refusal. */
  refused(error: unknown, by: string): void {
    const { code } = ProblemError.from(error);
    if (code !== 'bus_unavailable') this.onEvent('license_refused', { reason: code, by });
  }

  leaseTaken({ jti, license, exp, revoked }: Lease): void {
    const facts = { leaseId: jti, licenseId: license, ends: isoDate(exp * 1_000), ...(revoked ? { revoked } : {}) };
    this.log.info('lease taken', facts);
    this.onEvent('lease_taken', facts);
  }

  /** Reports each state of the service once, the first one too. Call it every few seconds. */
  observe(state: ServiceState): void {
    const facts = { state: state.state, ...('why' in state ? { why: state.why } : {}) };
    const name = JSON.stringify(facts);
    if (name === this.reportedState) return;
    this.reportedState = name;
    this.onEvent('service_state', facts);
  }
}
