import {
  forecast,
  rehearse,
  timeUsedMs,
  licenseInForce,
  type License,
  type RehearsedTransition,
  type ServiceFacts,
  type ServiceState,
} from '@app/licensing';

/** ISO 8601 in UTC. */
export const isoDate = (timeMs: number): string => new Date(timeMs).toISOString();

/** A licence as the API shows it, with its times as ISO dates. */
export function describedLicense({ jti, sub, iat, nbf, exp, ...terms }: License): object {
  const [issued, notBefore, expires] = [iat, nbf, exp].map((seconds) => isoDate(seconds * 1_000));
  return { id: jti, holder: sub, ...terms, issued, notBefore, expires };
}

/** A state as the API shows it, with its times as ISO dates. A time without a beginning or an end is left out. */
export function describedState(state: ServiceState): object {
  switch (state.state) {
    case 'active':
      return { state: state.state, until: dateIfAny(state.untilMs) };
    case 'grace':
      return { state: state.state, why: state.why, since: dateIfAny(state.sinceMs), until: dateIfAny(state.untilMs) };
    case 'refused':
      return { state: state.state, why: state.why, since: dateIfAny(state.sinceMs) };
  }
}

/** A time that may be infinite, which stands for none. */
export const dateIfAny = (timeMs: number): string | undefined =>
  Number.isFinite(timeMs) ? isoDate(timeMs) : undefined;

/** The state of now, and every transition that comes if nothing changes, each with what a new request gets from then on. */
export function describedForecast(facts: ServiceFacts): object {
  const [now, ...transitions] = rehearse(facts, Infinity).map(described);
  return { mode: facts.mode, now, transitions };
}

/** Whether a licence is in force, or from when it is; neither if it will not be. */
export function describedForce({ jti }: License, facts: ServiceFacts): object {
  if (licenseInForce(facts.licenses, timeUsedMs(facts))?.jti === jti) return { inForce: true };
  const from = forecast(facts).find(({ licenseId }) => licenseId === jti);
  return { inForce: false, ...(from ? { inForceFrom: isoDate(from.atMs) } : {}) };
}

function described({ atMs, state, licenseId, answer }: RehearsedTransition): object {
  const why = 'why' in state ? { why: state.why } : {};
  return { at: isoDate(atMs), state: state.state, ...why, licenseId, newRequests: answer };
}
