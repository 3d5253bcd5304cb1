import {
  contactState,
  dayMs,
  expiryState,
  licenseInForce,
  timeUsedMs,
  type GraceCause,
  type ServiceFacts,
  type ServiceState,
} from './service-state';

/** How far one cause is from refusing new requests, by its own machine and the licence in force. */
export interface GraceCountdown {
  /** What this cause alone makes of the service. Of a licence that has not begun or is revoked: as if it had begun or were not. */
  readonly state: ServiceState;
  /** Milliseconds until this cause refuses, 0 where it does. While active, the whole grace is part of them. */
  readonly restMs: number;
  /** Part of the grace that is left: 1 before it begins, 0 after its end. */
  readonly restShare: number;
}

/** The countdown of each cause that can occur: none without a licence, and no loss of contact in air-gapped mode. */
export function graceCountdowns(facts: ServiceFacts): Partial<Record<GraceCause, GraceCountdown>> {
  const timeMs = timeUsedMs(facts);
  const license = licenseInForce(facts.licenses, timeMs);
  if (!license) return {};
  const { expiryDays, lostContactDays } = license.grace;
  const begunMs = Math.max(timeMs, license.nbf * 1_000);
  const expiry = countdown(expiryState(license, begunMs), expiryDays, timeMs);
  if (facts.mode !== 'connected') return { expiry };
  const lease = facts.lease && { ...facts.lease, revoked: false };
  return { expiry, lost_contact: countdown(contactState(license, lease, timeMs), lostContactDays, timeMs) };
}

function countdown(state: ServiceState, graceDays: number, timeMs: number): GraceCountdown {
  switch (state.state) {
    case 'active':
      return { state, restMs: state.untilMs + graceDays * dayMs - timeMs, restShare: 1 };
    case 'grace': {
      const restMs = state.untilMs - timeMs;
      return { state, restMs, restShare: restMs / (state.untilMs - state.sinceMs) };
    }
    case 'refused':
      return { state, restMs: 0, restShare: 0 };
  }
}
